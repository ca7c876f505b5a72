"""The files of a split of a local dataset."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from datasets import Features, load_dataset_builder
from datasets.builder import DatasetBuilder
from datasets.data_files import FILES_TO_IGNORE
from huggingface_hub import metadata_load

from demo_server.data.contents import DataFile, in_short
from demo_server.data.source_error import SourceError
from demo_server.data.spec import LOADERS, Spec, suffix
from demo_server.system.files import Listing, list_files

# What Hive, Spark and pyarrow name a directory whose key has no value.
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class LocalFiles:
    """`loader` is the one of `datasets` for `files`.

    `features` are those that a README names, and `delimiter` that of its CSV files.
    """

    split: str
    loader: str
    files: list[DataFile]
    features: Features | None = None
    notes: tuple[str, ...] = ()
    delimiter: str | None = None


def find(spec: Spec) -> LocalFiles:
    """Return the files of the split that is asked for, else of `train`, else of the only one.

    Which files of a directory make which split is for `datasets` to tell.

    Raises:
        SourceError: there is no such split.
    """
    path = Path(spec.path)
    if spec.is_file:
        return LocalFiles("train", LOADERS[suffix(path.name)], [DataFile(path, path.name)])
    listing = list_files(path)
    with links(path, listing.files) as (linked, places):
        builder = load_dataset_builder(str(linked), spec.name, cache_dir=f"{linked}.cache")
        split = choose_split(builder, spec.split, spec.title)
        splits = builder.config.data_files or {}
        names = [str(name) for name in splits.get(split, [])]
        loader = loader_of(builder, names)
    if not loader or not all(name in places for name in names):
        return LocalFiles(split, "", [])
    split_files = [places[name] for name in names]
    read = [file for file in split_files if LOADERS.get(suffix(file.name)) == loader]
    inside = [str(file.relative_to(path)) for file in read]
    files = [DataFile(path / name, name, keys(name)) for name in inside]
    taken = {places.get(str(name)) for every in splits.values() for name in every}
    notes = notes_on_links(path, listing)
    if others := unread(path, set(listing.files) - taken):
        notes += (f"{spec.title} has files that no split of it takes: {', '.join(others)}.",)
    if left := sorted(str(file.relative_to(path)) for file in set(split_files) - set(read)):
        notes += (
            f"{spec.title} has files of another kind than the {loader} that is read: "
            f"{', '.join(left)}. Unpack or convert them, or leave them out.",
        )
    features = builder.info.features
    return LocalFiles(split, loader, files, features, notes, delimiter_of(builder))


def loader_of(builder: DatasetBuilder, names: list[str]) -> str:
    """Return the loader of `datasets` for files of which some are read here as it is told to.

    Empty where all are of another kind, or a README has options such as lines to skip, or a
    delimiter of several characters.
    """
    loader = type(builder).__module__.rpartition(".")[2]
    plain, asked = vars(type(builder.config)()), vars(builder.config)
    known = {"name", "version", "data_dir", "data_files", "description", "features"}
    options = {name for name in asked if name not in known and asked[name] != plain.get(name)}
    kinds = {LOADERS.get(suffix(name)) for name in names}
    delimiter = delimiter_of(builder)
    plain_delimiter = delimiter is None or (len(delimiter) == 1 and delimiter not in '"\r\n')
    known_options = options <= {"sep", "delimiter"} and plain_delimiter
    return loader if loader in kinds and known_options else ""


def delimiter_of(builder: DatasetBuilder) -> str | None:
    """Return the delimiter that a README names, None where it names none."""
    config: Any = builder.config
    named = getattr(config, "sep", None) != getattr(type(config)(), "sep", None)
    return config.sep if named else None


def notes_on_links(directory: Path, listing: Listing) -> tuple[str, ...]:
    """Return notes on links that lead nowhere or to what is read, and on what can't be listed."""
    broken = [path for path in listing.broken if LOADERS.get(suffix(path.name))]
    said = (
        (broken, "a link to nothing, so it adds no rows"),
        (listing.repeated, "a link to a directory that is read by another name, so not again"),
        (listing.unreadable, "a directory that can't be listed, so it adds no rows"),
    )
    return tuple(
        note
        for paths, what in said
        for note in in_short(("", f"{path.relative_to(directory)} is {what}.") for path in paths)
    )


def unread(directory: Path, untaken: set[Path]) -> list[str]:
    """Return the files of data in no split; none where a README's `configs` tell which are."""
    readme = directory / "README.md"
    if readme.exists() and "configs" in (metadata_load(readme) or {}):
        return []
    data = {file for file in untaken if LOADERS.get(suffix(file.name))}
    files = (file.relative_to(directory) for file in data)
    return sorted(
        str(file)
        for file in files
        if file.name not in FILES_TO_IGNORE
        and not any(part.startswith((".", "__")) for part in file.parts)
    )


@contextmanager
def links(directory: Path, files: list[Path]) -> Iterator[tuple[Path, dict[str, Path]]]:
    """Yield a directory of links to files of another one, where `datasets` may look, and each's.

    It takes the path of a directory for a pattern, in which `[` has a meaning, and knows suffixes
    in lower case only.
    """
    with tempfile.TemporaryDirectory() as place:
        linked = Path(place).resolve() / directory.name.translate(dict.fromkeys(map(ord, "*?[]")))
        linked.mkdir()
        places: dict[str, Path] = {}
        for file in files:
            link = linked / file.relative_to(directory)
            lower = link.with_suffix(link.suffix.lower())
            link = link if str(lower) in places else lower
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)
            places[str(link)] = file
        yield linked, places


def keys(name: str) -> dict[str, str | None]:
    """Return the keys in the names of the directories of a file, as `lang` in `lang=en/0.csv`."""
    pairs = [part.partition("=") for part in Path(name).parts[:-1] if "=" in part]
    return {unquote(k): None if value == NO_VALUE else unquote(value) for k, _, value in pairs if k}


def choose_split(builder: DatasetBuilder, asked: str | None, place: str) -> str:
    """Return the split asked for, else `train`, else the only one.

    Raises:
        SourceError: there is no such split, or there are several.
    """
    splits = [str(split) for split in builder.info.splits or builder.config.data_files or ()]
    if asked is not None:
        if splits and asked not in splits:
            raise SourceError(
                "dataset",
                f"{place} has no split {asked!r}; it has {', '.join(splits)}.",
                "Name one of them behind the second colon of --dataset.",
            )
        return asked
    if not splits or "train" in splits:
        return "train"
    if len(splits) == 1:
        return splits[0]
    raise SourceError(
        "dataset",
        f"{place} has no split 'train', but {', '.join(splits)}.",
        "Name one of them behind the second colon of --dataset.",
    )
