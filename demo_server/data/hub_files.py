"""The files of a split of a dataset on the hub, in Hugging Face's cache.

Which they are is kept next to the Arrow files, for when the hub can't be reached.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from datasets import Features, load_dataset_builder
from huggingface_hub import constants, hf_hub_download
from pydantic import BaseModel

from demo_server.data.cache_space import writable
from demo_server.data.contents import DataFile
from demo_server.data.hugging_face import prefer_cache_when_unreachable
from demo_server.data.local_files import LocalFiles, choose_split, delimiter_of, keys, loader_of
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

    def local_files(self) -> LocalFiles:
        return LocalFiles(
            self.split,
            self.loader,
            [DataFile(path, name, keys(name)) for name, path in self.files.items()],
            None if self.features is None else Features.from_dict(self.features),
            delimiter=self.delimiter,
        )


def find(spec: Spec, directory: Path) -> LocalFiles | None:
    """Return the files of the split, downloaded now or before; None where only `datasets` can.

    Args:
        directory: where it is kept which they are.

    Raises:
        SourceError: there is no such split, or it can't be kept which its files are.
        Exception: what the libraries raise.
    """
    digest = hashlib.sha256(repr((spec.path, spec.name, spec.split)).encode()).hexdigest()
    kept = directory / f"{digest[:32]}.json"
    prefer_cache_when_unreachable()
    if constants.HF_HUB_OFFLINE:
        with suppress(OSError, ValueError):  # never found, or damaged: `datasets` may know it
            known = Known.model_validate_json(kept.read_bytes())
            if all(path.exists() for path in known.files.values()):
                return known.local_files()
        return None
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
    with writable():
        directory.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, known.model_dump_json())
    return known.local_files()
