"""Parquet files, read by pyarrow: `datasets` refuses empty row groups, maps and other types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features

from demo_server.data.contents import BATCH_ROWS, Contents, DataFile, in_some_files, merge_types
from demo_server.data.source_error import SourceError


@dataclass
class Column:
    """A column of the files: its type in each, by the file's name."""

    name: str
    types: dict[str, pa.DataType] = field(default_factory=dict)
    files_with_two: list[str] = field(default_factory=list)

    def type(self) -> pa.DataType:
        """Return the type that carries the values of all files, as `datasets` knows it.

        Raises:
            SourceError: there is none.
        """
        if self.files_with_two:
            raise SourceError(
                "text_column",
                f"{self.files_with_two[0]} has several columns named {self.name!r}.",
                "Give each a name of its own, or name another column with --text-column.",
            )
        (first, merged), *others = self.types.items()
        merged = plain(merged)
        for file, kind in others:
            found = merge_types(merged, plain(kind))
            if found is None:
                raise SourceError(
                    "text_column",
                    f"Column {self.name!r} holds {self.types[first]} in {first}, and {kind} in "
                    f"{file}.",
                    "Write all files with one type, or name another column with --text-column.",
                )
            merged = found
        if not is_carried(merged):
            raise SourceError(
                "text_column",
                f"Column {self.name!r} holds {merged}, which `datasets` has no type for.",
                "Convert it to strings, or name another column with --text-column.",
            )
        return merged

    def note(self, chosen: pa.DataType, files: int) -> str | None:
        """Return how the column is read where that isn't as each file has it."""
        if len(self.types) < files:
            return in_some_files(self.name, list(self.types), files)
        found = {str(kind): f"{kind} in {file}" for file, kind in self.types.items()}
        if all(nullable(kind) == chosen for kind in self.types.values()):
            return None
        return f"Column {self.name!r} is read as {chosen}; it is {' and '.join(found.values())}."

    def original(self, chosen: pa.DataType) -> pa.DataType | None:
        """Return the type of all files if values of the chosen one can be cast back to it."""
        kind, *others = set(self.types.values())
        if others or "ordered=1" in str(kind):  # the values alone don't have an order
            return None
        try:
            pa.nulls(0, chosen).cast(kind)
        except pa.ArrowNotImplementedError:
            return None
        return kind


def read(files: list[DataFile]) -> Contents:
    """Return the rows of Parquet files whose columns may differ, and lack in some.

    A column without a type for all files is left out, with a note.

    Raises:
        SourceError: a file isn't Parquet.
    """
    columns, rows, metadata = found_columns(files)
    types: dict[str, pa.DataType] = {}
    problems: dict[str, SourceError] = {}
    notes: list[str] = []
    original: dict[str, pa.DataType] = {}
    for column in columns.values():
        try:
            types[column.name] = column.type()
        except SourceError as error:
            problems[column.name] = error
            notes.append(f"Column {column.name!r} is left out: {error.message}")
            continue
        if note := column.note(types[column.name], len(files)):
            notes.append(note)
            if (kind := column.original(types[column.name])) is not None:
                original[column.name] = kind
    schema = pa.schema(list(types.items()), metadata=metadata)
    kept = pa.schema(list(original.items()))
    return Contents(schema, batches(files, schema), rows, notes, problems, original=kept)


def found_columns(
    files: list[DataFile],
) -> tuple[dict[str, Column], dict[str, int], dict[bytes, bytes]]:
    """Return the columns of all files, how many rows they have, and what `datasets` noted."""
    columns: dict[str, Column] = {}
    noted: dict[bytes, bytes] = {}
    rows: dict[str, int] = {}
    for file in files:
        with pq.ParquetFile(file.path) as opened:
            rows[file.name] = opened.metadata.num_rows
            schema: pa.Schema = opened.schema_arrow
        features = (schema.metadata or {}).get(b"huggingface")
        if features is not None:
            noted.setdefault(b"huggingface", features)
        names = Counter(schema.names)
        for one in schema:
            column = columns.setdefault(one.name, Column(one.name))
            column.types.setdefault(file.name, one.type)
            if names[one.name] > 1 and file.name not in column.files_with_two:
                column.files_with_two.append(file.name)
    return columns, rows, noted


def batches(files: list[DataFile], schema: pa.Schema) -> Iterator[tuple[DataFile, pa.RecordBatch]]:
    for file in files:
        with pq.ParquetFile(file.path, page_checksum_verification=True) as opened:
            names = [name for name in schema.names if name in opened.schema_arrow.names]
            # With several row groups at once, pyarrow can't read a dictionary in a list or struct.
            for group in range(opened.num_row_groups):
                for batch in opened.iter_batches(BATCH_ROWS, [group], columns=names):
                    arrays = [
                        convert(batch.column(one.name), one, file)
                        if one.name in names
                        else pa.nulls(batch.num_rows, one.type)
                        for one in schema
                    ]
                    yield file, pa.RecordBatch.from_arrays(arrays, schema=schema)


def convert(values: pa.Array, wanted: pa.Field, file: DataFile) -> pa.Array:
    """Return values in the type that is wanted; a value that would change is an error."""
    if values.type == wanted.type:
        return values
    try:
        return stored(values).cast(wanted.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceError(
            "dataset",
            f"Column {wanted.name!r} of {file.name} holds {values.type}, which can't be read as "
            f"{wanted.type} like the other files: {str(error).splitlines()[0]}.",
            "Write all files with one type, or leave that column out of them.",
        ) from error


def stored(values: pa.Array) -> pa.Array:
    """Return the values of an extension type as they are stored."""
    return values.storage if isinstance(values, pa.ExtensionArray) else values


def is_carried(kind: pa.DataType) -> bool:
    """Return whether a dataset of `datasets` can have such a column."""
    try:
        return bool(
            Features.from_arrow_schema(pa.schema([("", kind)])).arrow_schema[0].type == kind
        )
    except ValueError:
        return False


def plain(kind: pa.DataType) -> pa.DataType:
    """Return the type of the same values that `datasets` carries, where there is one.

    A dictionary's values, what an extension type is stored as, strings in place of views, lists of
    keys and values in place of maps, and decimals of 128 bits in place of shorter ones.
    """
    if isinstance(kind, pa.BaseExtensionType):
        return plain(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return plain(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    if pa.types.is_map(kind) and not has_null_type(kind):
        return pa.list_(
            pa.struct([("key", plain(kind.key_type)), ("value", plain(kind.item_type))])
        )
    return nested(kind, plain)


def has_null_type(kind: pa.DataType) -> bool:
    """Return whether a column or what is in it is of the type null: maps of that can't be cast."""
    inner = (kind.field(index).type for index in range(kind.num_fields))
    return bool(pa.types.is_null(kind)) or any(map(has_null_type, inner))


def nullable(kind: pa.DataType) -> pa.DataType:
    """Return the type with its inner values allowed to be null, as all are in `datasets`."""
    return nested(kind, nullable)


def nested(kind: pa.DataType, inner: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """Return the type with the types in it replaced."""
    if pa.types.is_struct(kind):
        return pa.struct([(one.name, inner(one.type)) for one in kind])
    if pa.types.is_list(kind):
        return pa.list_(inner(kind.value_type))
    if pa.types.is_large_list(kind):
        return pa.large_list(inner(kind.value_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(inner(kind.value_type), kind.list_size)
    return kind
