"""The rows of a CSV or TSV file: where a cell ends, and a row."""

from __future__ import annotations

import csv
import itertools
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TextIO

from demo_server.data.contents import BATCH_CHARACTERS, BATCH_ROWS, BLOCK, DataFile

csv.field_size_limit(sys.maxsize)  # by default, a cell of 131,073 characters is an error

DELIMITERS = (",", ";", "\t", "|")
NO_DELIMITER = "\x1f"  # in place of one, where a line is one cell
SAMPLED_ROWS = 200
ROWS_AT_ONCE = 64
NAMED_DELIMITER = re.compile(r"sep=(.)[\r\n]*")  # the first line, as Excel reads and writes it
LINE_END = re.compile(r"\r\n|\r|\n")
Row = list[str | None]


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


class Rows:
    """The rows of one file, in batches of lists of cells, all as many as its header has.

    A cell is None where nothing stands between two delimiters; two quotation marks are "".
    After they were read, `rows` and `lines` are how many there are, `lines_of_rows` without the
    header and `blank` ones; `long_row` is the line where the first row of several lines begins.
    `names_delimiter` is whether the first line is no row, but tells the delimiter.
    """

    def __init__(self, file: DataFile, dialect: Dialect) -> None:
        self.file, self.dialect = file, dialect
        self.lines = self.rows = self.lines_of_rows = self.blank = 0
        self.last_row = self.blank_line = self.long_row = 0
        self.header: list[str] = []
        self.names_delimiter = False
        self._blocks = 0
        self._unused: list[str] = []  # lines that rows are made of next
        delimiter = re.escape(dialect.delimiter)
        ends = rf"{delimiter}\r\n"
        cell = rf'("[^"]*(?:""[^"]*)*"|[^{ends}]*)'
        self._cell = re.compile(rf"{cell}(?:{delimiter}|{LINE_END.pattern}|$)")
        self._quoted_empty = re.compile(f'(?:^|[{ends}])""(?:[{ends}]|$)')

    def __iter__(self) -> Iterator[list[Row]]:
        """Yield batches.

        Raises:
            IllFormedError: a row has more or fewer cells, or quotation marks aren't in pairs.
        """
        with self.file.open_text(newline="") as text:
            reader = self._reader(text)
            batch: list[Row] = []
            try:
                self.header = next((row for row in reader if row), [])
                if NAMED_DELIMITER.fullmatch(self._unused[0] if self._unused else ""):
                    self.names_delimiter = True
                    self.header = next((row for row in reader if row), [])
                self.lines = start = reader.line_num
                del self._unused[:start]
                while part := list(itertools.islice(reader, ROWS_AT_ONCE)):
                    used = reader.line_num - self.lines
                    cells = self._with_missing(part, "".join(self._unused[:used]))
                    del self._unused[:used]
                    batch += self._checked(cells, reader.line_num)
                    if len(batch) >= BATCH_ROWS or self._blocks * BLOCK > BATCH_CHARACTERS:
                        self.rows += len(batch)
                        yield batch
                        batch, self._blocks = [], 0
            except csv.Error as error:
                raise IllFormedError(
                    f"quotation marks are not in pairs in or before line {reader.line_num}"
                ) from error
        self.rows += len(batch)
        self.lines_of_rows = self.lines - start - self.blank
        yield batch

    def options(self) -> list[str]:
        """Return what `load_dataset` needs to read so, as code."""
        delimiter, quotes = self.dialect.delimiter, self.dialect.quotes
        found = [] if delimiter == "," else [f"delimiter={json.dumps(delimiter)}"]
        if self.names_delimiter:
            found.append("skiprows=1")
        if quotes is Quotes.LITERAL:
            found.append("quoting=3")
        if quotes is Quotes.BACKSLASH:
            found.append('escapechar="\\\\"')
        return found

    def _reader(self, text: TextIO) -> Any:
        lines: Iterator[str] = itertools.chain.from_iterable(self._lines(text))
        delimiter = self.dialect.delimiter
        if self.dialect.quotes is Quotes.LITERAL:
            return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        return csv.reader(lines, delimiter=delimiter, strict=True)

    def _lines(self, text: TextIO) -> Iterator[list[str]]:
        while block := text.readlines(BLOCK):
            self._blocks += 1
            if self.dialect.quotes is Quotes.BACKSLASH:
                block = [line.replace('\\"', '""') for line in block]
            self._unused += block
            yield block

    def _with_missing(self, part: list[Row], text: str) -> list[Row]:
        """Return rows with None for "" where it has no quotation marks in their `text`."""
        if not any("" in row for row in part):
            return part
        literal = self.dialect.quotes is Quotes.LITERAL
        if literal or not ('""' in text and self._quoted_empty.search(text)):
            return [[cell or None for cell in row] if "" in row else [*row] for row in part]
        written = (match[1] for match in self._cell.finditer(text))
        rows: list[Row] = []
        for row in part:
            spelled = list(itertools.islice(written, len(row) or 1))  # a blank line is one cell
            rows.append(
                [cell if as_is else None for cell, as_is in zip(row, spelled, strict=False)]
            )
        return rows

    def _checked(self, part: list[Row], lines: int) -> list[Row]:
        """Return the rows that aren't blank; `lines` have been read with the last of them."""
        width = len(self.header)
        if lines - self.lines == len(part) and set(map(len, part)) == {width}:
            self.lines = self.last_row = lines
            return part
        line, rows = self.lines, list[Row]()
        for row in part:
            if row and len(row) != width:
                raise IllFormedError(
                    f"line {line + 1} has {len(row)} fields, and the first line has {width}"
                )
            ends = sum(len(LINE_END.findall(cell)) for cell in row if cell)
            if row:
                rows.append(row)
                self.last_row = line + 1
                self.long_row = self.long_row or (line + 1 if ends else 0)
            else:
                self.blank += 1
                self.blank_line = self.blank_line or line + 1
            line += 1 + ends
        self.lines = lines
        return rows


def likely_delimiters(file: DataFile) -> list[str]:
    """Return what cuts the header and most of the first rows into the same number of fields.

    Where it leaves the header and others whole, no delimiter may be meant.
    """
    with file.open_text(newline="") as text:
        start = list(itertools.islice(text, SAMPLED_ROWS))
    if named := NAMED_DELIMITER.fullmatch(start[0] if start else ""):
        return [named[1]]
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
