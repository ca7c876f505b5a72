"""Where the texts come from: `--dataset` and `--text-column`, resolved to one split and column.

A spec is a dataset on the hub (`user/name`, `user/name:config:split`, `user/name::split`), a
dataset directory (the same colons), or one Parquet, CSV, JSON Lines or text file. Access to the
hub is left to `datasets` and follows Hugging Face's own settings: HF_HOME, HF_ENDPOINT,
HF_HUB_OFFLINE, and its tokens.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Features, Value, load_dataset, load_dataset_builder
from datasets.builder import DatasetBuilder

from demo_server.data.errors import SourceError, explain, no_rows
from demo_server.data.hugging_face import prefer_cache_when_unreachable
from demo_server.system.checkout import BUNDLED_DATA, ROOT
from demo_server.system.files import fingerprint

# The loader of `datasets` for each suffix of a single file.
LOADERS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".txt": "text",
}
# What a column of texts is usually called, the likeliest first.
TEXT_NAMES = (
    "text",
    "sentence",
    "content",
    "review",
    "document",
    "passage",
    "body",
    "gloss",
    "description",
    "question",
    "title",
)


@dataclass(frozen=True)
class DatasetSource:
    """One split of one dataset: `load_dataset(*source.args, **source.kwargs)` loads it."""

    path: str
    name: str | None = None
    split: str | None = None
    data_file: str | None = None
    delimiter: str | None = None
    text_column: str = ""
    columns: tuple[str, ...] = ()
    rows: int = 0

    @property
    def args(self) -> tuple[str, ...]:
        return (self.path,) if self.name is None else (self.path, self.name)

    @property
    def kwargs(self) -> dict[str, Any]:
        return {"split": self.split, **self.file_kwargs}

    @property
    def options(self) -> dict[str, Any]:
        """What `load_dataset(source.path, **source.options)` takes in addition to the path."""
        return ({} if self.name is None else {"name": self.name}) | self.kwargs

    @property
    def file_kwargs(self) -> dict[str, Any]:
        kwargs: dict[str, Any] = {}
        place = self.data_file or self.path
        if not self.is_on_hub:
            # `datasets` would serve its cache of a local file also after the file has changed.
            kwargs["cache_dir"] = (
                f"{datasets.config.HF_DATASETS_CACHE}/local/{fingerprint(Path(place))}"
            )
        if self.data_file is not None:
            kwargs["data_files"] = self.data_file
        if self.delimiter is not None:
            kwargs["delimiter"] = self.delimiter
        return kwargs

    @property
    def arguments(self) -> str:
        """What `load_dataset` takes on another machine, as code: no directory of this one."""
        options = {k: v for k, v in self.options.items() if k != "cache_dir"}
        if self.data_file is not None:
            options["data_files"] = portable(self.data_file)
        path = self.path if self.is_on_hub else portable(self.path)
        named = [f"{name}={json.dumps(value)}" for name, value in options.items()]
        return ", ".join([json.dumps(path), *named])

    @property
    def is_on_hub(self) -> bool:
        return self.data_file is None and not Path(self.path).is_absolute()

    @property
    def title(self) -> str:
        """What a slide calls it: the hub id, or the name of the directory or file."""
        if self.data_file is not None:
            return Path(self.data_file).name
        name = Path(self.path).name if Path(self.path).is_absolute() else self.path
        return name if self.name in (None, "default") else f"{name} ({self.name})"

    def load(self) -> Dataset:
        """The split itself; SourceError where it can't be read."""
        with explain(self.data_file or self.path):
            dataset = load_dataset(*self.args, **self.kwargs)
        assert isinstance(dataset, Dataset)  # a split was named
        return dataset


def portable(path: str) -> str:
    """Return the name of a file or directory; of the bundled one, its place in the checkout."""
    there = Path(path)
    return there.relative_to(ROOT).as_posix() if there == BUNDLED_DATA else there.name


def resolve(spec: str | None = None, text_column: str | None = None) -> DatasetSource:
    """The source that `spec` names (the bundled WordNet when None), found but not yet loaded.

    Rows and columns come from metadata where there is some; else the split is loaded once, which
    leaves it in the cache. Raises SourceError with field `dataset` or `text_column`.
    """
    asked = parse(str(BUNDLED_DATA) if spec is None else spec)
    place = asked.data_file or asked.path
    if asked.is_on_hub:
        prefer_cache_when_unreachable()
    with explain(place):
        builder = load_dataset_builder(*asked.args, **asked.file_kwargs)
        split = choose_split(builder, asked.split, place)
        chosen = DatasetSource(asked.path, asked.name, split, asked.data_file, asked.delimiter)
        features, rows = measure(builder, chosen)
        text_column = choose_text_column(features, text_column)
        if type(features[text_column]).__name__ == "Json":
            raise mixed_column(text_column, chosen.load())
    if rows == 0:
        raise no_rows(f"Split {split!r} of {place}")
    return DatasetSource(
        asked.path,
        asked.name,
        split,
        asked.data_file,
        asked.delimiter,
        text_column=text_column,
        columns=tuple(features),
        rows=rows,
    )


def parse(spec: str) -> DatasetSource:
    """Split a spec into path, config and split, and distinguish files, directories and hub ids."""
    if not spec.strip() or "\0" in spec:
        raise SourceError("dataset", "The dataset has no name.", "Leave --dataset out.")
    if os.path.exists(os.path.expanduser(spec)):
        return parse_path(Path(os.path.expanduser(spec)), None, None)
    path, _, rest = spec.partition(":")
    config, _, split = rest.partition(":")
    if ":" in split:
        raise SourceError(
            "dataset",
            f"{spec!r} has too many colons.",
            "Write user/name:config:split, such as cardiffnlp/tweet_eval:sentiment:train.",
        )
    if os.path.exists(os.path.expanduser(path)):
        return parse_path(Path(os.path.expanduser(path)), config or None, split or None)
    if Path(path).suffix.lower() in LOADERS or path.startswith(("/", "./", "../", "~")):
        raise SourceError(
            "dataset", f"There is no file or directory {path}.", "Check the path of --dataset."
        )
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", path):
        raise SourceError(
            "dataset",
            f"{path!r} is no file or directory, and no dataset on the hub can be called so.",
            "Write user/name:config:split for the hub, or check the path.",
        )
    return DatasetSource(path, config or None, split or None)


def parse_path(path: Path, config: str | None, split: str | None) -> DatasetSource:
    path = path.resolve()
    if path.is_dir():
        return DatasetSource(str(path), config, split)
    suffix = path.suffix.lower()
    if suffix not in LOADERS:
        raise SourceError(
            "dataset",
            f"{path.name} is of a kind that isn't read here ({suffix or 'no suffix'}).",
            f"Give a file that ends in one of {', '.join(LOADERS)}, or a dataset directory.",
        )
    if config is not None or split not in (None, "train"):
        raise SourceError(
            "dataset",
            f"{path.name} is one file: it has no configs, and its only split is 'train'.",
            "Leave out what follows the colon.",
        )
    if path.stat().st_size == 0:
        raise SourceError("dataset", f"{path} is empty.", "Choose another file with --dataset.")
    delimiter = "\t" if suffix == ".tsv" else None
    return DatasetSource(LOADERS[suffix], None, "train", str(path), delimiter)


def choose_split(builder: DatasetBuilder, asked: str | None, place: str) -> str:
    """The split asked for, else `train`, else the only one."""
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


def measure(builder: DatasetBuilder, source: DatasetSource) -> tuple[Features, int]:
    """Columns and number of rows of the split, from metadata where that is enough."""
    files = (builder.config.data_files or {}).get(source.split, [])
    if files and all(file.endswith(".parquet") and Path(file).is_file() for file in files):
        metadata = [pq.read_metadata(file) for file in files]
        schema: pa.Schema = pq.read_schema(files[0])
        features = builder.info.features or Features.from_arrow_schema(schema)
        return features, sum(part.num_rows for part in metadata)
    split = (builder.info.splits or {}).get(source.split)
    if split is not None and split.num_examples and builder.info.features:
        return builder.info.features, split.num_examples
    dataset = source.load()
    return dataset.features, dataset.num_rows


def choose_text_column(features: Features, asked: str | None) -> str:
    """The column asked for, else the only one that holds text, else one with a usual name."""
    texts = [name for name, feature in features.items() if is_text(feature)]
    listing = ", ".join(features)
    types = ", ".join(f"{name} ({describe(feature)})" for name, feature in features.items())
    if asked is not None:
        if asked not in features:
            raise SourceError(
                "text_column",
                f"There is no column {asked!r}; the columns are {listing}.",
                "Name one of them with --text-column.",
            )
        if asked not in texts:
            raise SourceError(
                "text_column",
                f"Column {asked!r} holds {describe(features[asked])}, not text.",
                f"Columns of text: {', '.join(texts) or 'none'}. Name one with --text-column.",
            )
        return asked
    if not texts:
        raise SourceError(
            "text_column",
            f"No column holds text; the columns are {types}.",
            "Choose another dataset with --dataset, or convert a column to strings.",
        )
    if len(texts) == 1:
        return str(texts[0])
    for name in TEXT_NAMES:
        named = [column for column in texts if column.lower() == name]
        if len(named) == 1:
            return str(named[0])
    raise SourceError(
        "text_column",
        f"Several columns hold text: {', '.join(texts)}.",
        "Say which one to embed with --text-column.",
    )


def mixed_column(column: str, dataset: Dataset) -> SourceError:
    row, value = next(
        (row, value) for row, value in enumerate(dataset[column]) if not isinstance(value, str)
    )
    return SourceError(
        "text_column",
        f"Column {column!r} holds text in some rows and other things in others: row {row} is "
        f"{str(value)[:80]!r}.",
        "Make it a string in every row, or name another column with --text-column.",
    )


def is_text(feature: Any) -> bool:
    """Strings, and the Json of rows that differ in type, whose first wrong row is named later."""
    if isinstance(feature, Value):
        return feature.dtype in ("string", "large_string")
    return type(feature).__name__ == "Json"


def describe(feature: Any) -> str:
    """`int64` for a plain column, `ClassLabel` and the like for another."""
    return str(feature.dtype) if isinstance(feature, Value) else type(feature).__name__
