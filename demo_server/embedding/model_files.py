"""What lies in a model's directory: whether it is whole, and whether it can be run here.

Found out without torch, so that a model that can't be used is refused at once.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from demo_server.protocol.errors import InputError

LIBRARY = "sentence_transformers."
# Modules that read a tokenizer's files, those that have weights, and those that need no settings.
TOKENIZED = {"Transformer", "StaticEmbedding"}
WEIGHTED = {*TOKENIZED, "WordEmbeddings", "Dense", "CNN", "LSTM", "LayerNorm"}
UNCONFIGURED = {"StaticEmbedding", "Normalize"}
TOKENIZERS = {"tokenizer.json", "vocab.txt", "vocab.json"}
WEIGHTS = "weights"
GIT_LFS = b"version https://git-lfs"
FETCH = "Fetch the model again, or save it again with sentence-transformers."


class ModelError(InputError):
    """The model can't be used; `field` is `model`."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__("model", message, remedy)


class Module(BaseModel):
    """A row of `modules.json`: `path` in the model's directory, `type` with its Python package."""

    model_config = ConfigDict(frozen=True)

    path: str
    type: str

    @property
    def kind(self) -> str:
        return self.type.rpartition(".")[2]


MODULES = TypeAdapter(Annotated[list[Module], Field(min_length=1)])
OBJECT = TypeAdapter(dict[str, Any])


def read_modules(directory: Path) -> list[Module]:
    """Return what a model is made of, in its order; without a list that is one transformer.

    Raises:
        ModelError: modules.json is not such a list.
    """
    try:
        return MODULES.validate_json((directory / "modules.json").read_bytes())
    except FileNotFoundError:
        return [Module(path="", type=f"{LIBRARY}models.Transformer")]
    except ValidationError as error:
        raise ModelError(
            "The model's modules.json isn't a list of modules, each with a path and a type.", FETCH
        ) from error


def read_object(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds, nothing where there is no file.

    Raises:
        ModelError: it isn't an object.
    """
    try:
        return OBJECT.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        raise ModelError(f"The model's {path.name} isn't a JSON object.", FETCH) from error


def missing_parts(directory: Path) -> list[str]:
    """Which of configuration, tokenizer and weights a model's directory lacks.

    Raises:
        ModelError: a file of its configuration is none.
    """
    modules, missing = read_modules(directory), []
    for module in modules:
        place = directory / module.path
        names = {path.name for path in place.iterdir()} if place.is_dir() else set()
        where = f" in {module.path}" if module.path else ""
        if module.path and not names and module.kind not in UNCONFIGURED:
            missing.append(f"{module.path} (of modules.json)")  # git keeps no empty directory
            continue
        if module.kind == "Transformer" and "config.json" not in names:
            missing.append(f"configuration (config.json){where}")
        elif module.kind not in UNCONFIGURED and not any(n.endswith("config.json") for n in names):
            missing.append(f"configuration{where}")
        if module.kind in WEIGHTED:
            missing += [f"{file}{where}" for file in missing_weights(place, names)]
    names = {path.name for path in directory.rglob("*")}
    has_tokenizer = names & TOKENIZERS or any(name.endswith(".model") for name in names)
    if TOKENIZED & {module.kind for module in modules} and not has_tokenizer:
        missing.append("tokenizer (tokenizer.json)")
    return missing


def missing_weights(place: Path, names: set[str]) -> list[str]:
    """Return what is missing of the weights that the libraries would load, of files of `names`."""
    for file in ("model.safetensors", "pytorch_model.bin"):
        if file in names:
            return []
        if (index := f"{file}.index.json") in names:
            shards = read_object(place / index).get("weight_map")
            if not isinstance(shards, dict):
                return [f"{WEIGHTS} in {index}"]
            return [f"{WEIGHTS} {shard}" for shard in sorted({*shards.values()} - names)]
    return [WEIGHTS]


def check_files(directory: Path, name: str) -> None:
    """Raise ModelError for what `check_configuration` does, missing parts, and cut weights.

    `name` is what the sentence calls the model.
    """
    check_configuration(directory, name)
    missing = missing_parts(directory)
    if missing:
        raise ModelError(
            f"{name} is not a whole model: no {' and no '.join(missing)}.",
            "Give --model a directory saved by sentence-transformers, or a hub id.",
        )
    for weights in [*directory.rglob("*.safetensors"), *directory.rglob("pytorch_model*.bin")]:
        with weights.open("rb") as file:
            if file.read(len(GIT_LFS)) == GIT_LFS:
                raise ModelError(
                    f"{weights.name} of {name} is a pointer of Git LFS, not the weights.",
                    "Run `git lfs pull` in the model's directory.",
                )
    for weights in directory.rglob("*.safetensors"):
        if weights.stat().st_size != declared_size(weights):
            raise ModelError(
                f"{weights.name} of {name} is damaged or half downloaded.",
                "Fetch the model again.",
            )


def check_configuration(directory: Path, name: str) -> None:
    """Raise ModelError for a model that can't run here, by what it is made of.

    That is one whose repository brings Python code to run: where transformers has a class for the
    type that it claims, it would take that one in silence, which gives other vectors. And one of
    parts that the libraries don't have.
    """
    modules = read_modules(directory)
    theirs = [module.type for module in modules if not module.type.startswith(LIBRARY)]
    mapped = [
        file
        for module in modules
        for file in ("config.json", "tokenizer_config.json")
        if "auto_map" in read_object(directory / module.path / file)
    ]
    if theirs or mapped:
        raise ModelError(
            f"The model {name} has code of its own, which isn't run here "
            f"({', '.join(theirs) or f'auto_map in {mapped[0]}'}).",
            "Leave --model out, or give it a model without such code.",
        )
    for module in modules:
        if module.kind not in known_modules():
            version = importlib.metadata.version("sentence-transformers")
            raise ModelError(
                f"modules.json of {name} names {module.type}, which sentence-transformers "
                f"{version} doesn't have.",
                "Save the model again with this version, or name another with --model.",
            )
        if module.kind == "Transformer":
            check_transformer(directory / module.path, name)
    settings = read_object(directory / "config_sentence_transformers.json")
    default = settings.get("default_prompt_name")
    if default is not None and default not in (
        "query",
        "document",
        *(settings.get("prompts") or ()),
    ):
        raise ModelError(
            f"config_sentence_transformers.json of {name} names {default!r} as its default prompt, "
            "and has no prompt of that name.",
            "Correct one of the two in that file.",
        )


def check_transformer(place: Path, name: str) -> None:
    """Raise ModelError for a transformer that can't be loaded, by its configuration."""
    another = "Name another model with --model."
    if (place / "adapter_config.json").exists():
        raise ModelError(
            f"{name} is an adapter to another model (adapter_config.json), which isn't run here.",
            "Give --model the two merged: peft does it with `merge_and_unload`.",
        )
    if not (place / "config.json").exists():  # a missing part
        return
    configuration = read_object(place / "config.json")
    kind = configuration.get("model_type")
    if kind is None:
        raise ModelError(f"config.json of {name} names no model_type.", FETCH)
    if str(kind) not in known_types():
        version = importlib.metadata.version("transformers")
        raise ModelError(
            f"config.json of {name} names model_type {kind!r}, which transformers {version} "
            "doesn't have.",
            another,
        )
    if quantized := configuration.get("quantization_config"):
        method = quantized.get("quant_method") if isinstance(quantized, dict) else quantized
        raise ModelError(
            f"The weights of {name} are quantized ({method}), which isn't computed here.", another
        )


# By their sources: the libraries take seconds to import.


@functools.cache
def known_modules() -> set[str]:
    """Return the names of the modules that sentence-transformers has."""
    files = source("sentence_transformers").rglob("modules/**/*.py")
    pattern = re.compile(r"^(?:class )?([A-Z]\w+)(?:\(| = [A-Z])", re.MULTILINE)
    return {name for file in files for name in pattern.findall(file.read_text(encoding="utf-8"))}


@functools.cache
def known_types() -> set[str]:
    """Return each `model_type` that transformers has."""
    files = source("transformers").glob("models/auto/*auto*.py")
    pattern = re.compile(r"^ +\(\"([^\"]+)\", \"", re.MULTILINE)
    return {name for file in files for name in pattern.findall(file.read_text(encoding="utf-8"))}


def source(package: str) -> Path:
    """Return the directory of an installed package; it isn't imported."""
    spec = find_spec(package)
    assert spec
    assert spec.origin
    return Path(spec.origin).parent


def declared_size(weights: Path) -> int:
    """Bytes that a safetensors file should have by its own header; -1 when that is not a header."""
    with weights.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > weights.stat().st_size:
            return -1
        try:
            header = json.loads(file.read(length))
            ends = [v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"]
        except (ValueError, AttributeError, KeyError, TypeError, IndexError):
            return -1
    return 8 + length + max(ends, default=0)
