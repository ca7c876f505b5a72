"""What lies in a model's directory: whether it is whole, and whether it can be run here.

Read without torch, so that a model that can't be used is refused at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo_server.protocol.errors import InputError

LIBRARY = "sentence_transformers."
# Modules that read a tokenizer's files, and those that have weights.
TOKENIZED = {"Transformer", "StaticEmbedding"}
WEIGHTED = {*TOKENIZED, "WordEmbeddings"}


class ModelError(InputError):
    """The model can't be used; `field` is `model`."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__("model", message, remedy)


@dataclass(frozen=True)
class Module:
    """A row of `modules.json`: `path` in the model's directory, `type` with its Python package."""

    path: str
    type: str

    @property
    def kind(self) -> str:
        return self.type.rpartition(".")[2]


def read_modules(directory: Path) -> list[Module]:
    """Return what a model is made of, in its order; without a list that is one transformer.

    Raises:
        ModelError: modules.json is not such a list.
    """
    listed = read_json(directory / "modules.json")
    if listed is None:
        return [Module("", f"{LIBRARY}models.Transformer")]
    try:
        return [Module(str(row["path"]), str(row["type"])) for row in listed]
    except (KeyError, TypeError) as error:
        raise unreadable("modules.json") from error


def read_json(path: Path) -> Any:
    """Return what a file holds, None where there is none.

    Raises:
        ModelError: it isn't JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise unreadable(path.name) from error


def unreadable(file: str) -> ModelError:
    return ModelError(f"The model's {file} can't be read.", "Fetch the model again.")


def missing_parts(directory: Path) -> list[str]:
    """Which of configuration, tokenizer and weights a model's directory lacks."""
    names = {path.name for path in directory.rglob("*") if path.is_file()}
    try:
        modules = read_modules(directory)
    except ModelError:
        return ["readable modules.json"]
    kinds = {module.kind for module in modules}
    missing = []
    if "Transformer" in kinds and "config.json" not in names:
        missing.append("configuration (config.json)")
    # Normalizing needs no file, and a repository keeps no empty directory.
    missing += [
        f"{module.path} (of modules.json)"
        for module in modules
        if module.kind != "Normalize" and not (directory / module.path).is_dir()
    ]
    if (
        kinds & TOKENIZED
        and not names & {"tokenizer.json", "vocab.txt"}
        and not any(name.endswith(".model") for name in names)
    ):
        missing.append("tokenizer (tokenizer.json)")
    if kinds & WEIGHTED and not any(name.endswith((".safetensors", ".bin")) for name in names):
        missing.append("weights")
    return missing


def check_files(directory: Path, name: str) -> None:
    """Raise ModelError for missing parts, weights that are cut short, and code of the model's own.

    `name` is what the sentence calls the model.
    """
    check_own_code(directory, name)
    missing = missing_parts(directory)
    if missing:
        raise ModelError(
            f"{name} is not a whole model: no {' and no '.join(missing)}.",
            "Give --model a directory saved by sentence-transformers, or a hub id.",
        )
    for weights in directory.rglob("*.safetensors"):
        if weights.stat().st_size != declared_size(weights):
            raise ModelError(
                f"{weights.name} of {name} is damaged or half downloaded.",
                "Fetch the model again.",
            )


def check_own_code(directory: Path, name: str) -> None:
    """Raise ModelError for a model whose repository brings Python code to run.

    Where transformers has a class for the type that the model claims, it would take that one in
    silence, which gives other vectors.
    """
    modules = read_modules(directory)
    theirs = [module.type for module in modules if not module.type.startswith(LIBRARY)]
    mapped = [
        file
        for module in modules
        for file in ("config.json", "tokenizer_config.json")
        if isinstance(settings := read_json(directory / module.path / file), dict)
        and "auto_map" in settings
    ]
    if theirs or mapped:
        raise ModelError(
            f"The model {name} has code of its own, which isn't run here "
            f"({', '.join(theirs) or f'auto_map in {mapped[0]}'}).",
            "Leave --model out, or give it a model without such code.",
        )


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
