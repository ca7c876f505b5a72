"""The files of a split of a dataset on the hub, in Hugging Face's cache.

Which they are is kept next to the Arrow files, for when the hub can't be reached.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import datasets
from datasets import Features, load_dataset_builder
from huggingface_hub import constants, hf_hub_download
from pydantic import BaseModel

from demo_server.data.cache_space import writable
from demo_server.data.contents import DataFile
from demo_server.data.hugging_face import prefer_cache_when_unreachable
from demo_server.data.local_files import LocalFiles, choose_split, delimiter_of, keys, loader_of
from demo_server.data.source_error import SourceError
from demo_server.data.spec import LOADERS, Spec, suffix
from demo_server.system.files import write_atomically

FILE = re.compile(r"hf://datasets/(?P<repository>[^@]+)@(?P<commit>[0-9a-f]{40})/(?P<path>.+)")


class Known(BaseModel):
    """What is kept of a split: `files` are their places in the cache, by name."""

    split: str
    loader: str
    files: dict[str, Path]
    features: dict[str, Any] | None
    delimiter: str | None

    def local_files(self, *notes: str) -> LocalFiles:
        return LocalFiles(
            self.split,
            self.loader,
            [DataFile(path, name, keys(name)) for name, path in self.files.items()],
            None if self.features is None else Features.from_dict(self.features),
            notes,
            delimiter=self.delimiter,
        )


def find(spec: Spec, directory: Path) -> LocalFiles | None:
    """Return the files of the split, downloaded now or before; None where only `datasets` can.

    Args:
        directory: where it is kept which they are.

    Raises:
        SourceError: there is no such split, or it can't be kept which its files are.
        Exception: what the libraries raise, where they were not downloaded before.
    """
    prefer_cache_when_unreachable()
    if constants.HF_HUB_OFFLINE or datasets.config.HF_HUB_OFFLINE:
        known = read_known(directory / file_name(spec.path, spec.name, spec.split))
        return known.local_files() if known else None
    try:
        found = download(spec)
    except Exception as error:
        known = read_known(directory / file_name(spec.path, spec.name, spec.split))
        if is_an_answer(error) or known is None:
            raise
        note = f"The hub failed ({type(error).__name__}): these are the files fetched before."
        return known.local_files(note)
    if found is None:
        return None
    config, known = found
    with writable():
        directory.mkdir(parents=True, exist_ok=True)
        # Asked for in any of these ways, it is found again.
        for name, split in itertools.product({spec.name, config}, {spec.split, known.split}):
            path = directory / file_name(spec.path, name, split)
            write_atomically(path, known.model_dump_json())
    return known.local_files()


def download(spec: Spec) -> tuple[str, Known] | None:
    """Return the config's name and the split's files; None where only `datasets` reads them."""
    builder = load_dataset_builder(spec.path, spec.name)
    split = choose_split(builder, spec.split, spec.title)
    names = [str(name) for name in (builder.config.data_files or {}).get(split, [])]
    places = [place for name in names if (place := FILE.fullmatch(name))]
    loader = loader_of(builder, names)
    kinds = {LOADERS.get(suffix(name)) for name in names}
    if kinds != {loader} or len(places) < len(names):
        return None
    files = {
        place["path"]: Path(
            hf_hub_download(
                place["repository"], place["path"], repo_type="dataset", revision=place["commit"]
            )
        )
        for place in places
    }
    features = builder.info.features
    known = Known(
        split=split,
        loader=loader,
        files=files,
        features=None if features is None else features.to_dict(),
        delimiter=delimiter_of(builder),
    )
    return builder.config.name, known


def file_name(path: str, name: str | None, split: str | None) -> str:
    digest = hashlib.sha256(repr((path, name, split)).encode()).hexdigest()
    return f"{digest[:32]}.json"


def read_known(kept: Path) -> Known | None:
    """Return what is kept of a split whose files are all there."""
    with suppress(OSError, ValueError):  # never found, or damaged: `datasets` may know it
        known = Known.model_validate_json(kept.read_bytes())
        if all(path.exists() for path in known.files.values()):
            return known
    return None


def is_an_answer(error: Exception) -> bool:
    """Whether the hub has said no, or the dataset can't be had as it was asked for."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status in (401, 403, 404) or isinstance(error, SourceError | FileNotFoundError)
