"""What is in the files of a split: their columns, rows and peculiarities."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from demo_server.data.source_error import SourceError

# Rows and characters of one batch, so that memory stays small whatever the size of the file.
BATCH_ROWS, BATCH_CHARACTERS = 10_000, 16_000_000
OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
BLOCK = 1 << 20


@dataclass(frozen=True)
class DataFile:
    """A file of a split; `name` is what a message calls it.

    `keys` are those of the directories above it that are named key=value.
    """

    path: Path
    name: str
    keys: dict[str, str | None] = field(default_factory=dict)

    def open_bytes(self) -> IO[bytes]:
        """Open it to be read, uncompressed."""
        opened: IO[bytes] = OPENERS.get(self.path.suffix.lower(), open)(self.path, "rb")
        return opened

    def open_text(self, newline: str | None) -> io.TextIOWrapper:
        """Open it as UTF-8, without a byte order mark.

        Raises:
            SourceError: it is UTF-16.
        """
        with self.open_bytes() as file:
            start = file.read(1024)
        if is_utf16(start):
            raise not_utf8(f"{self.name} is UTF-16, not UTF-8.")
        return io.TextIOWrapper(self.open_bytes(), encoding="utf-8-sig", newline=newline)

    def count_lines(self) -> int:
        """Count lines that end in LF, CR LF or CR, and a last one that doesn't end."""
        lines, last = 0, b"\n"
        with self.open_bytes() as file:
            while block := file.read(BLOCK):
                lines += block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")
                lines -= last == b"\r" and block.startswith(b"\n")
                last = block[-1:]
        return lines + (last not in b"\r\n")

    def first_line_not_utf8(self) -> SourceError:
        """Return what is wrong with the first line that isn't UTF-8."""
        with self.open_bytes() as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode()
                except UnicodeDecodeError as error:
                    byte = line[error.start]
                    return not_utf8(
                        f"{self.name} is not UTF-8: line {number} holds byte 0x{byte:02x}."
                    )
        return not_utf8(f"{self.name} is not UTF-8.")


@dataclass
class Contents:
    """The rows of the files of a split, in batches that all have `schema`.

    `in_file` is the number of rows of each file, by its name and by another count than reading
    them; None where a file has no such count. `problems` are those of columns that can't be
    embedded, by name. `options` are arguments of `load_dataset`, as code, without which it would
    read the texts otherwise. `original` has the types of the columns that are read as others and
    can be cast back.
    """

    schema: pa.Schema
    batches: Iterator[tuple[DataFile, pa.RecordBatch]]
    in_file: dict[str, int] | None
    notes: list[str] = field(default_factory=list)
    problems: dict[str, SourceError] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    original: pa.Schema = field(default_factory=lambda: pa.schema([]))


def not_utf8(message: str) -> SourceError:
    return SourceError(
        "dataset", message, "Save it as UTF-8, or choose another file with --dataset."
    )


def is_utf16(start: bytes) -> bool:
    """Return whether a file begins with the mark of UTF-16, or as Latin script in it does."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    even, odd = start[::2], start[1::2]
    few, many = sorted((even.count(0), odd.count(0)))
    return few == 0 and many > 0.75 * len(odd)


def merge_types(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Return the type that holds the values of both, None where there is none.

    Numbers are cast safely, so that one that would change is an error and no other number.
    """
    if one == other:
        return one
    if is_bytes(one) != is_bytes(other) and not pa.types.is_null(one) | pa.types.is_null(other):
        return None  # Arrow takes text for bytes
    try:
        fields = [pa.schema([("", one)]), pa.schema([("", other)])]
        return pa.unify_schemas(fields, promote_options="permissive").field(0).type
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None


def is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def in_some_files(column: str, having: list[str], files: int) -> str:
    """Return a note on a column that is in `having` of so many files."""
    return (
        f"Column {column!r} is in {len(having):,} of {files:,} files, such as {having[0]}: it has "
        "no values in the others."
    )


def in_short(notes: Iterable[tuple[str, str]]) -> list[str]:
    """Return the first note of each kind, with how many more files it is true of."""
    kinds: dict[str, list[str]] = {}
    for kind, note in notes:
        kinds.setdefault(kind, []).append(note)
    return [
        first if not more else f"{first} The same goes for {len(more):,} more files."
        for first, *more in kinds.values()
    ]


def with_keys(contents: Contents, files: list[DataFile]) -> Contents:
    """Return `contents` with a column for each key of the directories above the files.

    A column that a file has itself stays. Values are int64 where all are written as integers.
    """
    keys = dict.fromkeys(key for file in files for key in file.keys)
    names = [key for key in keys if key not in contents.schema.names]
    contents.notes += [
        f"Column {key!r} is that of the files; {key!r} in the names of directories is left out."
        for key in keys
        if key not in names
    ]
    if not names:
        return contents
    schema, converters = contents.schema, {}
    for name in names:
        values = {file.keys.get(name) for file in files} - {None}
        whole = all(value is not None and value == str(as_int(value)) for value in values)
        converters[name] = (pa.int64(), int) if whole and values else (pa.string(), str)
        schema = schema.append(pa.field(name, converters[name][0]))
        contents.notes.append(
            f"Column {name!r} comes from the names of directories, such as "
            f"{name}={next(iter(sorted(map(str, values))), '')}."
        )

    def extended() -> Iterator[tuple[DataFile, pa.RecordBatch]]:
        for file, batch in contents.batches:
            columns = list(batch.columns)
            for name, (kind, convert) in converters.items():
                value = file.keys.get(name)
                scalar = pa.scalar(None if value is None else convert(value), kind)
                columns.append(pa.repeat(scalar, batch.num_rows))
            yield file, pa.RecordBatch.from_arrays(columns, schema=schema)

    return replace(contents, schema=schema, batches=extended())


def as_int(text: str) -> int | None:
    try:
        number = int(text)
    except ValueError:
        return None
    return number if -(2**63) <= number < 2**63 else None
