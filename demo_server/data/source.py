"""The dataset of a run: `--dataset` and `--text-column`, resolved to one split and column.

A spec is a dataset on the hub (`user/name`, `user/name:config:split`, `user/name::split`), a
dataset directory (the same colons), or one Parquet, CSV, JSON Lines or text file. Access to the
hub is left to `datasets` and follows Hugging Face's own settings: HF_HOME, HF_ENDPOINT,
HF_HUB_OFFLINE, and its tokens. Files are read here, into an Arrow file in our own cache, unless
only `datasets` knows their kind.
"""

from __future__ import annotations

import glob
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset, Features, load_dataset, load_dataset_builder
from datasets.builder import DatasetBuilder

from demo_server.data import cache_space, cached_table
from demo_server.data.cached_table import CachedTable
from demo_server.data.local_files import choose_split
from demo_server.data.source_error import SourceError, as_source_error, no_rows
from demo_server.data.spec import Spec, parse
from demo_server.data.text_column import choose_text_column
from demo_server.system.checkout import BUNDLED_DATA, ROOT
from demo_server.system.files import fingerprint


@dataclass(frozen=True)
class DatasetSource:
    """One split of one dataset, and the column of it that is embedded.

    `rows` is how many `load` returns, `in_file` how many there are by another count, None where
    there is none. `notes` are sentences about what was read otherwise than plainly.
    """

    path: str
    name: str | None = None
    split: str | None = None
    text_column: str = ""
    columns: tuple[str, ...] = ()
    rows: int = 0
    in_file: int | None = None
    notes: tuple[str, ...] = ()
    table: CachedTable | None = None

    @property
    def spec(self) -> Spec:
        return Spec(self.path, self.name, self.split)

    @property
    def title(self) -> str:
        return self.spec.title

    @property
    def original_types(self) -> dict[str, pa.DataType]:
        """The types in the files of the columns that are loaded as others and can be cast back."""
        return {} if self.table is None else self.table.original_types

    def load(self) -> Dataset:
        """Return the rows.

        Raises:
            SourceError: they can't be read.
        """
        with as_source_error(self.title):
            if self.table is not None:
                return self.table.load()
            path, options = self.load_arguments
            dataset = load_dataset(path, **options)
        assert isinstance(dataset, Dataset)  # a split was named
        return dataset

    @property
    def load_arguments(self) -> tuple[str, dict[str, Any]]:
        """The path and the options that `load_dataset` takes here for the rows of `load`."""
        if self.spec.is_on_hub and self.table is None:
            return self.path, self._config
        # `datasets` would serve its cache of a local file also after the file has changed.
        if self.table is None:
            cache = f"{cached_table.directory()}/loaded/{fingerprint(Path(self.path))}"
            return self.path, {**self._config, "cache_dir": cache}
        cache = str(cache_space.loaded(Path(self.table.path)))
        if self.path == str(BUNDLED_DATA):
            return self.path, {**self._config, "cache_dir": cache}
        file = glob.escape(self.table.path)
        return "arrow", {"split": "train", "data_files": file, "cache_dir": cache}

    @property
    def _config(self) -> dict[str, Any]:
        return ({} if self.name is None else {"name": self.name}) | {"split": self.split}

    @property
    def arguments(self) -> str:
        """What `load_dataset` takes on another machine for the same texts, as code.

        It names no directory of this machine. There is no argument that keeps `datasets` from
        refusing a Parquet file for a column that it has no type for, nor from taking strings of
        JSON that are all dates for timestamps.
        """
        table, path = self.table, Path(self.path)
        if table is None or not self.spec.is_file:
            code = [json.dumps(self.path if self.spec.is_on_hub else portable(path))]
            code += [f"{name}={json.dumps(value)}" for name, value in self._config.items()]
        else:
            code = [json.dumps(table.loader), 'split="train"']
            code.append(f"data_files={json.dumps(path.name)}")
        if table is not None:
            code += table.options
            if table.loader == "csv":  # else it may read NA as missing, and 007 as 7
                code.append('keep_default_na=False, na_values=[""]')
                code.append(f"converters={{{json.dumps(self.text_column)}: str}}")
        return ", ".join(code)


def portable(path: Path) -> str:
    """Return the name of a directory; of the bundled one, its place in the checkout."""
    return path.relative_to(ROOT).as_posix() if path == BUNDLED_DATA else path.name


def resolve(spec: str | None = None, text_column: str | None = None) -> DatasetSource:
    """Return the source that `spec` names, the bundled WordNet when None.

    Files that are new or have changed are downloaded and read, which takes as long as that takes.
    Of what only `datasets` reads, rows and columns come from metadata where there is some; else the
    split is loaded once, which leaves it in the cache.

    Raises:
        SourceError: with field `dataset`, `text_column` or `cache`.
    """
    asked = parse(str(BUNDLED_DATA) if spec is None else spec)
    with as_source_error(asked.title):
        table = cached_table.read(asked, text_column)
        if table is None:
            return resolve_by_datasets(asked, text_column)
        features = table.load().features
    if not table.rows and not table.in_file:
        raise no_rows(f"Split {table.split!r} of {asked.title}")
    problems = {
        name: SourceError("text_column", problem.message, problem.remedy)
        for name, problem in table.problems.items()
    }
    return DatasetSource(
        asked.path,
        asked.name,
        table.split,
        text_column=choose_text_column(features, text_column, problems),
        columns=tuple(features),
        rows=table.rows,
        in_file=table.in_file,
        notes=tuple(table.notes),
        table=table,
    )


def resolve_by_datasets(asked: Spec, text_column: str | None) -> DatasetSource:
    """Return the source of what only `datasets` reads."""
    _, options = DatasetSource(asked.path, asked.name, asked.split).load_arguments
    del options["split"]
    builder = load_dataset_builder(asked.path, **options)
    split = choose_split(builder, asked.split, asked.title)
    chosen = DatasetSource(asked.path, asked.name, split)
    features, rows = measure(builder, chosen)
    if rows == 0:
        raise no_rows(f"Split {split!r} of {asked.title}")
    return DatasetSource(
        asked.path,
        asked.name,
        split,
        text_column=choose_text_column(features, text_column, {}),
        columns=tuple(features),
        rows=rows,
    )


def measure(builder: DatasetBuilder, source: DatasetSource) -> tuple[Features, int]:
    """Columns and number of rows of the split, from metadata where that is enough."""
    split = (builder.info.splits or {}).get(source.split)
    if split is not None and split.num_examples and builder.info.features:
        return builder.info.features, split.num_examples
    dataset = source.load()
    return dataset.features, dataset.num_rows
