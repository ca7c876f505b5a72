"""CSV and TSV files. Cells are text; a column of numbers in their plain spelling becomes numbers.

`datasets` takes words such as NA for missing values, guesses types for 10,000 rows at a time, and
reads from one stray quotation mark to the next.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from demo_server.data.contents import Contents, DataFile, in_short, in_some_files
from demo_server.data.delimited_rows import (
    NO_DELIMITER,
    Dialect,
    IllFormedError,
    Quotes,
    Rows,
    likely_delimiters,
)
from demo_server.data.source_error import SourceError
from demo_server.data.spelling import FLOAT, INTEGER, Spelling
from demo_server.data.text_column import TEXT_NAMES


def read(files: list[DataFile], always_text: list[str], delimiter: str | None = None) -> Contents:
    """Return the rows of CSV or TSV files whose first lines are the names of the columns.

    A column is int64 or float64 where every value is spelled as that number is, else text;
    `always_text` are text anyway. An empty cell has no value; one of two quotation marks is an
    empty text, and no number.

    Raises:
        SourceError: quotation marks or numbers of fields leave open where a cell ends.
    """
    read_as: list[tuple[DataFile, Dialect]] = []
    spellings, in_file = dict[str, Spelling](), dict[str, int]()
    notes: list[tuple[str, str]] = []
    having: dict[str, list[str]] = {}
    options: list[str] = []
    for file in files:
        rows = well_formed(file, spellings, delimiter)
        if not rows.header:
            continue
        options = options if read_as else rows.options()
        read_as.append((file, rows.dialect))
        in_file[file.name] = rows.rows + file.count_lines() - rows.lines
        notes += notes_on(rows)
        for name in names_of(rows.header):
            having.setdefault(name, []).append(file.name)
    for name in set(always_text) & set(spellings):
        spellings[name].text = True
    schema = pa.schema([(name, spelling.type()) for name, spelling in spellings.items()])
    lacking = [
        in_some_files(name, some, len(read_as))
        for name, some in having.items()
        if len(some) < len(read_as)
    ]
    all_notes = [*in_short(notes), *lacking]
    return Contents(schema, batches(read_as, schema), in_file, all_notes, options=options)


def well_formed(file: DataFile, spellings: dict[str, Spelling], delimiter: str | None) -> Rows:
    """Return the rows of a file by the first dialect that fits all of it, and note its types.

    Its delimiter is found where it is None.

    Raises:
        SourceError: none does.
    """
    failure = ""
    try:
        delimiters = [delimiter] if delimiter else likely_delimiters(file)
        for each, quotes in itertools.product(delimiters, Quotes):
            try:
                rows, found = read_through(file, Dialect(each, quotes))
            except IllFormedError as error:
                failure = failure or str(error)
                continue
            if rows.lines_of_rows != rows.rows:
                rows, found = line_by_line(rows, found)
            for name, spelling in found.items():
                known = spellings.get(name, Spelling())
                spellings[name] = known.merged(spelling)
            return rows
    except UnicodeDecodeError as error:
        raise file.first_line_not_utf8() from error
    raise SourceError(
        "dataset",
        f"{file.name} can't be read as rows: {failure}.",
        f"Give every line as many fields as the first one, and put double quotes around a cell "
        f"that contains {delimiters[0]!r}, quotation marks or line ends, these marks doubled.",
    )


def read_through(file: DataFile, dialect: Dialect) -> tuple[Rows, dict[str, Spelling]]:
    """Return the rows of a file, and how the cells of each column are spelled.

    Raises:
        IllFormedError: it hasn't this dialect.
    """
    rows, found = Rows(file, dialect), dict[str, Spelling]()
    for batch in rows:
        columns = zip(*batch, strict=True) if batch else ((),) * len(rows.header)
        for name, cells in zip(names_of(rows.header), columns, strict=True):
            found.setdefault(name, Spelling()).take(pa.array(cells, pa.string()))
    return rows, found


def line_by_line(rows: Rows, found: dict[str, Spelling]) -> tuple[Rows, dict[str, Spelling]]:
    """Return the rows of a file in which a cell has several lines, read again where each is a row.

    That is so where each line has all fields, and numbers where the other rows have them: then
    two stray quotation marks were taken for a pair.
    """
    try:
        lines, seen = read_through(rows.file, Dialect(rows.dialect.delimiter, Quotes.LITERAL))
    except IllFormedError:
        return rows, found
    numbers = [spelling.is_number for spelling in seen.values()]
    return (lines, seen) if any(numbers) else (rows, found)


def notes_on(rows: Rows) -> Iterator[tuple[str, str]]:
    """Yield what was read otherwise than line by line, cut at commas, after its kind."""
    name, dialect = rows.file.name, rows.dialect
    if dialect.delimiter == NO_DELIMITER:
        yield "lines", f"{name}: the first line is one name, so every line is one text."
    elif dialect.delimiter != "," and ".tsv" not in rows.file.path.name.lower():
        yield "delimiter", f"{name}: fields end at {dialect.delimiter!r}."
    if dialect.quotes is not Quotes.RFC_4180:
        yield (
            dialect.quotes,
            f"{name}: quotation marks are not around cells as CSV has them, so they are read as "
            f"{dialect.quotes}, such as in {example(rows)}.",
        )
    if rows.lines_of_rows != rows.rows:
        yield (
            "long rows",
            f"{name}: {rows.lines_of_rows:,} lines make {rows.rows:,} rows, as cells in quotation "
            f"marks go over line ends; the first such row begins in line {rows.long_row}.",
        )
    if 0 < rows.blank_line < rows.last_row:
        empty = f"{rows.blank:,} empty lines are no rows, such as line {rows.blank_line}"
        yield "blank", f"{name}: {empty}."
    if double := [cell for cell, times in Counter(rows.header).items() if cell and times > 1]:
        others = "the others are numbered"
        yield "double", f"{name}: several columns are named {double[0]!r}; {others}."
    if "" in rows.header:
        given = names_of(rows.header)[rows.header.index("")]
        yield "nameless", f"{name}: a column without a name is called {given!r}."
    if looks_like_data(rows):
        names = ", ".join(repr(cell[:60]) for cell in rows.header)
        yield (
            "header",
            f"The first line of {name} is taken for the names of the columns: {names}. If it is "
            "data, put a line of names above it.",
        )


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
        if name in names or not cell:  # one that is made up must be new
            taken = {*names, *header}
            made = itertools.chain([name], (f"{name}.{count}" for count in itertools.count(1)))
            name = next(one for one in made if one not in taken)
        names.append(name)
    return names


def convert(cells: Any, kind: pa.DataType) -> pa.Array:
    """Return cells in the type of their column; None for "" where it isn't text."""
    values = pa.array(cells, pa.string())
    if pa.types.is_string(kind):
        return values
    return pa.array(cells, kind) if pa.types.is_null(kind) else null_for_empty(values).cast(kind)


def null_for_empty(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def batches(
    files: list[tuple[DataFile, Dialect]], schema: pa.Schema
) -> Iterator[tuple[DataFile, pa.RecordBatch]]:
    for file, dialect in files:
        rows = Rows(file, dialect)
        for batch in rows:
            cells = dict(zip(names_of(rows.header), zip(*batch, strict=True), strict=bool(batch)))
            arrays = [
                convert(cells[one.name], one.type)
                if one.name in cells
                else pa.nulls(len(batch), one.type)
                for one in schema
            ]
            yield file, pa.RecordBatch.from_arrays(arrays, schema=schema)
