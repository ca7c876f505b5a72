"""JSON and JSON Lines files: a row is an object, or a string of column `text`.

`datasets` reads strings that look like dates as such, and refuses a key that comes late.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from demo_server.data.contents import Contents, DataFile, in_short, merge_types
from demo_server.data.json_files import Document, Lines, opened
from demo_server.data.source_error import SourceError

EXACT = 2**53  # integers up to it have a float each


@dataclass
class Column:
    """What is known of a column: `type` is None where its values have no type in common."""

    type: pa.DataType | None = None
    seen: bool = False
    text: bool = False
    other: tuple[int, Any] | None = None  # the first value that is no text, and its row
    wide: bool = False  # an integer that no float is

    def take(self, values: list[Any], row: int) -> None:
        """Take the values of rows from `row` on."""
        kind = type_of(values)
        if kind is not None and pa.types.is_null(kind):
            kind = self.type if self.seen else kind
        if kind is not None and pa.types.is_string(kind):
            self.text = True
        else:
            self.text |= any(isinstance(value, str) for value in values)
            if self.other is None:
                others = ((n, v) for n, v in enumerate(values, row) if not_text(v))
                self.other = next(others, None)
        if kind is not None and pa.types.is_integer(kind):
            self.wide |= any(value is not None and abs(value) > EXACT for value in values)
        known = self.type if self.seen else pa.null()
        self.type = None if known is None or kind is None else merge_types(known, kind)
        self.seen = True

    def final(self) -> pa.DataType | None:
        """Return the type in Arrow; None where only JSON can hold the values."""
        if self.type is None or (pa.types.is_floating(self.type) and self.wide):
            return None
        return None if has_empty_struct(self.type) else self.type

    def problem(self, name: str) -> SourceError:
        row, value = self.other or (0, None)
        held = "values that have no type in common"
        if self.text:
            held = "text in some rows and other things in others"
        elif self.type is not None and has_empty_struct(self.type):
            held = "objects without keys, which Parquet has no type for"
        return SourceError(
            "text_column",
            f"Column {name!r} holds {held}: row {row} is {str(value)[:80]!r}.",
            "Make it a string in every row, or name another column with --text-column.",
        )


def read(files: list[DataFile]) -> Contents:
    """Return the rows of JSON Lines files, or JSON files that hold a list of objects.

    A column whose values have no type in common is kept as JSON text, with a note.

    Raises:
        SourceError: a line isn't JSON, or no object; or where the rows lie is open.
    """
    documents, in_file, options = list[Lines | Document](), dict[str, int](), list[str]()
    columns: dict[str, Column] = {}
    row = 0
    for file in files:
        document = opened(file)
        documents.append(document)
        for batch in document:
            for name in dict.fromkeys(key for one in batch for key in one):
                values = [one.get(name) for one in batch]
                try:
                    columns.setdefault(name, Column()).take(values, row)
                except UnicodeEncodeError as error:
                    raise half_character(file, name) from error
            row += len(batch)
        if (counted := document.count()) is not None:
            in_file[file.name] = counted
        options = list(document.options)
    types = {name: column.final() for name, column in columns.items()}
    problems = {name: columns[name].problem(name) for name, kind in types.items() if kind is None}
    notes = in_short(note for document in documents for note in document.notes)
    notes += [f"{problem.message} It is kept as JSON." for problem in problems.values()]
    return Contents(
        pa.schema([(name, pa.string() if kind is None else kind) for name, kind in types.items()]),
        batches(documents, types),
        in_file if len(in_file) == len(files) else None,
        notes,
        problems,
        options,
    )


def batches(
    documents: list[Lines | Document], types: dict[str, pa.DataType | None]
) -> Iterator[tuple[DataFile, pa.RecordBatch]]:
    schema = pa.schema([(name, kind or pa.string()) for name, kind in types.items()])
    for document in documents:
        for batch in document:
            arrays = []
            for name, kind in types.items():
                values = [one.get(name) for one in batch]
                if kind is None:
                    values = [None if v is None else json.dumps(v) for v in values]
                try:
                    arrays.append(pa.array(values, kind or pa.string()))
                except pa.ArrowException as error:
                    raise SourceError(
                        "dataset",
                        f"Column {name!r} of {document.file.name} can't be read as {kind}: "
                        f"{str(error).splitlines()[0]}.",
                        "Give it values of one type in all rows, or leave it out.",
                    ) from error
            yield document.file, pa.RecordBatch.from_arrays(arrays, schema=schema)


def not_text(value: Any) -> bool:
    return value is not None and not isinstance(value, str)


def type_of(values: list[Any]) -> pa.DataType | None:
    """Return the type that Arrow gives to values of JSON, None where they have none in common."""
    try:
        kind = pa.array(values).type
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return None
    # Arrow takes true for 1.0 there.
    if pa.types.is_floating(kind) and any(isinstance(value, bool) for value in values):
        return None
    return kind


def has_empty_struct(kind: pa.DataType) -> bool:
    """Return whether an object without keys is in it, which Parquet can't hold."""
    if pa.types.is_struct(kind):
        return kind.num_fields == 0 or any(has_empty_struct(one.type) for one in kind)
    return pa.types.is_list(kind) and has_empty_struct(kind.value_type)


def half_character(file: DataFile, column: str) -> SourceError:
    return SourceError(
        "dataset",
        f"Column {column!r} of {file.name} holds half of a character, an unpaired \\ud800 to "
        "\\udfff, which UTF-8 has no bytes for.",
        "Replace these, or choose another file with --dataset.",
    )
