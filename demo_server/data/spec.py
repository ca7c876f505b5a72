"""`--dataset`: a dataset on the hub, a directory, or one file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from demo_server.data.source_error import SourceError
from demo_server.system.checkout import BUNDLED_DATA

# The loader of `datasets` for each suffix of a file; but for Parquet it may be compressed.
LOADERS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".txt": "text",
}
COMPRESSIONS = (".gz", ".bz2", ".xz")


@dataclass(frozen=True)
class Spec:
    """`path` is a hub id, or the absolute path of a directory or file of this machine."""

    path: str
    name: str | None = None
    split: str | None = None

    @property
    def is_on_hub(self) -> bool:
        return not Path(self.path).is_absolute()

    @property
    def is_file(self) -> bool:
        return Path(self.path).is_absolute() and not Path(self.path).is_dir()

    @property
    def title(self) -> str:
        """What a slide calls it: the hub id, or the name of the directory or file."""
        name = self.path if self.is_on_hub else Path(self.path).name
        return name if self.name in (None, "default") else f"{name} ({self.name})"


def parse(spec: str) -> Spec:
    """Split a spec into path, config and split, and distinguish files, directories and hub ids.

    Raises:
        SourceError: it names nothing.
    """
    if not spec.strip() or "\0" in spec:
        raise SourceError("dataset", "The dataset has no name.", "Leave --dataset out.")
    if exists(spec):
        return parse_path(Path(os.path.expanduser(spec)), None, None)
    path, _, rest = spec.partition(":")
    config, _, split = rest.partition(":")
    if ":" in split:
        raise SourceError(
            "dataset",
            f"{spec!r} has too many colons.",
            "Write user/name:config:split, such as cardiffnlp/tweet_eval:sentiment:train.",
        )
    if exists(path):
        return parse_path(Path(os.path.expanduser(path)), config or None, split or None)
    if suffix(path) in LOADERS or path.startswith(("/", "./", "../", "~")):
        raise SourceError(
            "dataset", f"There is no file or directory {path}.", "Check the path of --dataset."
        )
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", path):
        raise SourceError(
            "dataset",
            f"{path!r} is not a file or directory, and not a valid name of a dataset on the hub.",
            "Write user/name:config:split for the hub, or check the path.",
        )
    return Spec(path, config or None, split or None)


def parse_path(path: Path, config: str | None, split: str | None) -> Spec:
    """Return the spec of a directory or file that is there."""
    # Of a link, the name that was typed: the hub's cache has links to files of other names.
    path = BUNDLED_DATA if path.resolve() == BUNDLED_DATA else Path(os.path.abspath(path))
    if path.is_dir():
        return Spec(str(path), config, split)
    kind = suffix(path.name)
    if kind not in LOADERS:
        raise SourceError(
            "dataset",
            f"{path.name} is of a kind that isn't read here ({kind or 'no suffix'}).",
            f"Give a file that ends in one of {', '.join(LOADERS)}, or a dataset directory.",
        )
    if config is not None or split not in (None, "train"):
        raise SourceError(
            "dataset",
            f"{path.name} is one file: it has no configs, and its only split is 'train'.",
            "Leave out what follows the colon.",
        )
    if path.stat().st_size == 0:
        raise SourceError(
            "dataset", f"{path.name} is empty.", "Choose another file with --dataset."
        )
    return Spec(str(path), None, "train")


def exists(path: str) -> bool:
    """Return whether a file or directory is there; a name longer than any is not."""
    return os.path.exists(os.path.expanduser(path))


def suffix(name: str) -> str:
    """Return the suffix of a file in lower case, of a compressed one that of what is in it."""
    path = Path(name)
    last = path.suffix.lower()
    inner = Path(path.stem).suffix.lower()
    return inner if last in COMPRESSIONS and LOADERS.get(inner, "parquet") != "parquet" else last
