"""Which rows can be embedded, and a count of those that can't."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset, DatasetInfo

from demo_server.protocol.errors import InputError

# A model reads its first few hundred tokens and cuts the rest off; this many characters are
# beyond that for every script. Such rows stay, and are counted.
LONG_TEXT = 20_000


class CleaningError(InputError):
    """The column can't be embedded; `field` is its name."""


@dataclass(frozen=True)
class Cleaned:
    """How many rows stayed, and how many went for which reason. `long` ones are kept."""

    kept: int
    null: int = 0
    empty: int = 0
    long: int = 0

    @property
    def dropped(self) -> int:
        return self.null + self.empty

    def __str__(self) -> str:
        """A sentence for the slide."""
        parts = [f"{self.kept:,} rows kept"]
        if self.null:
            parts.append(f"{self.null:,} without a value dropped")
        if self.empty:
            parts.append(f"{self.empty:,} empty ones dropped")
        if self.long:
            parts.append(f"{self.long:,} so long that a model may read only a part")
        return ", ".join(parts)


def check_texts(dataset: Dataset, column: str) -> Cleaned:
    """Count the rows that `drop_empty` keeps and drops.

    Raises:
        CleaningError: the column isn't there, isn't text, or nothing would stay.
    """
    return drop_empty(dataset, column)[1]


def drop_empty(dataset: Dataset, column: str) -> tuple[Dataset, Cleaned]:
    """Return `dataset` without the rows whose `column` is null or blank, in the same order.

    One table, as `Dataset.filter` doesn't leave it: that keeps an index, behind which Ray finds
    each row in a chunk of its own and takes minutes for 100,000.

    Raises:
        CleaningError: the column isn't there, isn't text, or nothing stays.
    """
    if column not in dataset.column_names:
        raise CleaningError(
            column,
            f"There is no column {column!r}; the columns are {', '.join(dataset.column_names)}.",
            "Name one of them with --text-column.",
        )
    table: pa.Table = dataset.with_format("arrow")[:]
    values = text_values(table, column)
    null = values.null_count
    filled = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(values), ""), False)
    kept = pc.sum(filled).as_py() or 0
    if kept == 0:
        raise CleaningError(
            column,
            f"No row of column {column!r} holds text ({null:,} of {len(table):,} have no value).",
            "Choose another column with --text-column, or another split or file with --dataset.",
        )
    if kept < len(table):
        table = table.filter(filled)
        values = values.filter(filled)
    long = pc.sum(pc.greater(pc.utf8_length(values), LONG_TEXT)).as_py() or 0
    counts = Cleaned(kept=kept, null=null, empty=len(dataset) - kept - null, long=long)
    return Dataset(table, info=DatasetInfo(features=dataset.features)), counts


def text_values(table: pa.Table, column: str) -> pa.ChunkedArray:
    """The column as strings; CleaningError with the first value at fault when it isn't text."""
    values = table.column(column)
    if pa.types.is_null(values.type):  # every value is missing, so no type was seen
        return values.cast(pa.string())
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        check_utf8(values, column)
        return values
    row = next((i for i, value in enumerate(values) if value.is_valid), 0)
    text_columns = [
        field.name
        for field in table.schema
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    ]
    choice = f"one of {', '.join(text_columns)}" if text_columns else "a column of text"
    raise CleaningError(
        column,
        f"Column {column!r} holds {values.type}, not text: row {row} is "
        f"{str(values[row].as_py())[:80]!r}.",
        f"Name {choice} with --text-column, or convert the column to strings first.",
    )


def check_utf8(values: pa.ChunkedArray, column: str) -> None:
    """Return a CleaningError for bytes that are not text, which some loaders let through."""
    try:
        values.validate(full=True)
    except pa.ArrowInvalid as error:
        for row, value in enumerate(values.cast(pa.binary())):
            try:
                (value.as_py() or b"").decode()
            except UnicodeDecodeError:
                raise CleaningError(
                    column,
                    f"Column {column!r} is not UTF-8 in row {row}.",
                    "Save the file as UTF-8, or choose another with --dataset.",
                ) from error
        raise
