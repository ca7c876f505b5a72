"""CSV and TSV files. Cells are text; a column of numbers in their plain spelling becomes numbers.

`datasets` takes words such as NA for missing values, guesses types for 10,000 rows at a time, and
reads from one stray quotation mark to the next.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from demo_server.data.contents import BATCH_CHARACTERS, BATCH_ROWS, Contents, DataFile
from demo_server.data.errors import SourceError
from demo_server.data.spelling import FLOAT, INTEGER, Spelling
from demo_server.data.text_column import TEXT_NAMES

csv.field_size_limit(sys.maxsize)  # by default, a cell of 131,073 characters is an error

DELIMITERS = (",", ";", "\t", "|")
NO_DELIMITER = "\x1f"  # in place of one, where a line is one cell
SAMPLED_ROWS = 200


class Quotes(StrEnum):
    """What quotation marks mean in a file."""

    RFC_4180 = "around a cell, and doubled in it"
    BACKSLASH = "around a cell, and behind a backslash in it"
    LITERAL = "part of the text"


class IllFormedError(Exception):
    """The file is not made of rows of the same number of cells; the message says where."""


@dataclass(frozen=True)
class Dialect:
    """How the cells of a file are told apart."""

    delimiter: str
    quotes: Quotes = Quotes.RFC_4180

    def options(self) -> list[str]:
        """Return what `load_dataset` needs to read so, as code."""
        found = [] if self.delimiter == "," else [f"delimiter={json.dumps(self.delimiter)}"]
        if self.quotes is Quotes.LITERAL:
            found.append("quoting=3")
        if self.quotes is Quotes.BACKSLASH:
            found.append('escapechar="\\\\"')
        return found


class Rows:
    """The rows of one file, in batches of lists of cells, all as many as its header has."""

    def __init__(self, file: DataFile, dialect: Dialect) -> None:
        self.file, self.dialect = file, dialect
        self.lines = self.rows = self.blank = 0
        self.blank_line = self.long_row = 0
        self._size = 0
        self.header: list[str] = []

    def __iter__(self) -> Iterator[list[list[str]]]:
        """Yield batches; IllFormedError where a row isn't one."""
        with self.file.open_text(newline="") as text:
            reader = self._reader(text)
            try:
                yield from self._batches(reader)
            except csv.Error as error:
                raise IllFormedError(
                    f"after line {self.lines}, quotation marks are not in pairs ({error})"
                ) from error

    def _reader(self, text: Any) -> Any:
        lines = self._counted(text)
        if self.dialect.quotes is Quotes.BACKSLASH:
            lines = (line.replace('\\"', '""') for line in lines)
        delimiter = self.dialect.delimiter
        if self.dialect.quotes is Quotes.LITERAL:
            return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        return csv.reader(lines, delimiter=delimiter, strict=True)

    def _counted(self, text: Any) -> Iterator[str]:
        for line in text:
            self._size += len(line)
            yield line

    def _batches(self, reader: Any) -> Iterator[list[list[str]]]:
        self.header = next((row for row in reader if row), [])
        self.lines = start = reader.line_num
        width, batch = len(self.header), []
        for row in reader:
            if len(row) != width:
                if row:
                    raise IllFormedError(
                        f"line {self.lines + 1} has {len(row)} fields, and the first line has "
                        f"{width}"
                    )
                self.blank += 1
                self.blank_line = self.blank_line or reader.line_num
            else:
                batch.append(row)
                if reader.line_num - self.lines > 1:
                    self.long_row = self.long_row or self.lines + 1
            self.lines = reader.line_num
            if len(batch) == BATCH_ROWS or self._size > BATCH_CHARACTERS:
                self.rows += len(batch)
                yield batch
                batch, self._size = [], 0
        self.rows += len(batch)
        self.lines_of_rows = self.lines - start - self.blank
        yield batch


def read(files: list[DataFile], always_text: str) -> Contents:
    """Return the rows of CSV or TSV files whose first lines are the names of the columns.

    A column is int64 or float64 where every value is spelled as that number is, else text;
    `always_text` is text anyway. An empty cell has no value.

    Raises:
        SourceError: quotation marks or numbers of fields leave open where a cell ends.
    """
    read_as, spellings, notes, in_file = [], dict[str, Spelling](), list[str](), 0
    for file in files:
        rows = well_formed(file, spellings)
        read_as.append((file, rows.dialect))
        in_file += rows.rows + file.count_lines() - rows.lines
        notes += notes_on(rows, file is files[0])
    if always_text in spellings:
        spellings[always_text].text = True
    schema = pa.schema([(name, spelling.type()) for name, spelling in spellings.items()])
    options = read_as[0][1].options() if read_as else []
    return Contents(schema, batches(read_as, schema), in_file, notes, options=options)


def well_formed(file: DataFile, spellings: dict[str, Spelling]) -> Rows:
    """Return the rows of a file by the first dialect that fits all of it, and note its types.

    Raises:
        SourceError: none does.
    """
    failure = ""
    try:
        delimiters = likely_delimiters(file)
        for delimiter, quotes in itertools.product(delimiters, Quotes):
            rows, found = Rows(file, Dialect(delimiter, quotes)), dict[str, Spelling]()
            try:
                for batch in rows:
                    note_types(names_of(rows.header), batch, found)
            except IllFormedError as error:
                failure = failure or str(error)
                continue
            for name, spelling in found.items():
                spellings[name] = (
                    spellings[name].merged(spelling) if name in spellings else spelling
                )
            return rows
    except UnicodeDecodeError as error:
        raise file.first_line_not_utf8() from error
    raise SourceError(
        "dataset",
        f"{file.name} can't be read as rows: {failure}.",
        f"Give every line as many fields as the first one, and put double quotes around a cell "
        f"that contains {delimiters[0]!r}, quotation marks or line ends, these marks doubled.",
    )


def likely_delimiters(file: DataFile) -> list[str]:
    """Return what cuts the header and most of the first rows into the same number of fields.

    Where it leaves the header and others whole, no delimiter may be meant.
    """
    with file.open_text(newline="") as text:
        start = list(itertools.islice(text, SAMPLED_ROWS))
    known = ("\t",) if ".tsv" in file.path.name.lower() else DELIMITERS
    best, most = known[0], 0.5
    for delimiter in known:
        widths = widths_of(start, delimiter)
        share = widths.count(widths[0]) / len(widths) if widths and widths[0] > 1 else 0
        if share > most:
            best, most = delimiter, share
    widths = widths_of(start, best)
    return [best, NO_DELIMITER] if widths[:1] == [1] and 1 in widths[1:] else [best]


def widths_of(lines: list[str], delimiter: str) -> list[int]:
    return [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]


def notes_on(rows: Rows, first: bool) -> list[str]:
    """Return what was read otherwise than line by line, cut at commas."""
    name, dialect, notes = rows.file.name, rows.dialect, list[str]()
    if dialect.delimiter == NO_DELIMITER:
        notes.append(f"{name}: the first line is one name, so every line is one text.")
    elif dialect.delimiter != "," and ".tsv" not in rows.file.path.name.lower():
        notes.append(f"{name}: fields end at {dialect.delimiter!r}.")
    if dialect.quotes is not Quotes.RFC_4180:
        notes.append(
            f"{name}: quotation marks are not in pairs as CSV has them, so they are read as "
            f"{dialect.quotes}, such as in {example(rows)}."
        )
    if rows.lines_of_rows != rows.rows:
        notes.append(
            f"{name}: {rows.lines_of_rows:,} lines make {rows.rows:,} rows, as cells in quotation "
            f"marks go over line ends; the first such row begins in line {rows.long_row}."
        )
    if rows.blank:
        notes.append(
            f"{name}: {rows.blank:,} empty lines are no rows, such as line {rows.blank_line}."
        )
    if (double := [n for n, times in Counter(rows.header).items() if times > 1]) and first:
        notes.append(f"{name}: several columns are named {double[0]!r}; the others are numbered.")
    if first and looks_like_data(rows):
        names = ", ".join(repr(cell[:60]) for cell in rows.header)
        notes.append(
            f"The first line of {name} is taken for the names of the columns: {names}. If it is "
            "data, put a line of names above it."
        )
    return notes


def example(rows: Rows) -> str:
    """Return the first line with a quotation mark, and its number."""
    with rows.file.open_text(newline="") as text:
        for number, line in enumerate(text, start=1):
            if '"' in line:
                return f"line {number}: {line.strip()[:60]}"
    return "no line"


def looks_like_data(rows: Rows) -> bool:
    """Return whether a name is a number, a sentence, or also a value of its own column.

    The only column may always be without a name, unless that is a usual one.
    """
    if len(rows.header) == 1 and rows.header[0].lower() not in TEXT_NAMES:
        return True
    if any(re.search(f"{INTEGER}|{FLOAT}|[.!?]$| .* ", cell) for cell in rows.header):
        return True
    batch = next(iter(Rows(rows.file, rows.dialect)))
    return any(cell and cell in column for cell, *column in zip(rows.header, *batch, strict=True))


def names_of(header: list[str]) -> list[str]:
    """Return the names of the columns, those that lack or come twice named as pandas does."""
    names: list[str] = []
    for number, cell in enumerate(header):
        name = cell or f"Unnamed: {number}"
        same = (f"{name}.{count}" for count in itertools.count(1))
        names.append(name if name not in names else next(n for n in same if n not in names))
    return names


def note_types(names: list[str], batch: list[list[str]], spellings: dict[str, Spelling]) -> None:
    columns = zip(*batch, strict=True) if batch else ((),) * len(names)
    for name, cells in zip(names, columns, strict=True):
        spellings.setdefault(name, Spelling()).take(strings(cells))


def strings(cells: Any) -> pa.Array:
    values = pa.array(cells, pa.string())
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def batches(
    files: list[tuple[DataFile, Dialect]], schema: pa.Schema
) -> Iterator[tuple[DataFile, pa.RecordBatch]]:
    for file, dialect in files:
        rows = Rows(file, dialect)
        for batch in rows:
            cells = dict(zip(names_of(rows.header), zip(*batch, strict=True), strict=bool(batch)))
            arrays = [
                strings(cells[one.name]).cast(one.type)
                if one.name in cells
                else pa.nulls(len(batch), one.type)
                for one in schema
            ]
            yield file, pa.RecordBatch.from_arrays(arrays, schema=schema)
