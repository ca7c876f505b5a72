"""A few rows of a batch, small enough for a slide: text cut, embeddings as one byte a value."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

# Of a batch; a slide shows as many.
SAMPLE_ROWS = 4
MAX_TEXT = 200
MAX_COLUMNS = 8
# A browser's numbers are exact up to here.
MAX_EXACT = 2**53

# What a call of `map_batches` takes or returns: columns of equal length by name, or a table.
Batch: TypeAlias = Mapping[str, Any] | pa.Table


def length(batch: Batch) -> int:
    """Return the rows of a batch."""
    return batch.num_rows if isinstance(batch, pa.Table) else len(next(iter(batch.values()), ()))


def row_of(batch: Batch, row: int) -> dict[str, Any]:
    """Return one row of a batch, values by column."""
    if isinstance(batch, pa.Table):
        names = batch.column_names
        return {name: value_at(batch.column(at), row) for at, name in enumerate(names)}
    return {name: column[row] for name, column in batch.items()}


def value_at(column: pa.ChunkedArray[Any], row: int) -> Any:
    """Return a value; its type's name where Python has none, as for a date after the year 9999."""
    try:
        return column[row].as_py()
    except (ValueError, OverflowError, LookupError, pa.ArrowException):
        return f"<{column.type}>"


def sample_batch(
    batch: Batch, count: int, text_column: str | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """Return up to `count` rows, spread evenly over a batch.

    Args:
        text_column: which one is the text; guessed when None.
        offset: the number of the batch's first row, the id where there is no `id` column.
    """
    rows = length(batch)
    wanted = min(count, rows)
    indices = [i * rows // wanted for i in range(wanted)]
    return [sample_row(row_of(batch, i), offset + i, text_column) for i in indices]


def sample_row(
    row: Mapping[str, Any], number: int, text_column: str | None = None
) -> dict[str, Any]:
    """Return one row as the protocol's `Row`: id, text, embedding preview, other columns."""
    if text_column is None or text_column not in row:
        text_column = guess_text_column(row)
    sample: dict[str, Any] = {
        "id": str(row.get("id", number)),
        "text": "" if text_column is None else str(row[text_column])[:MAX_TEXT],
    }
    columns: dict[str, Any] = {}
    for name, value in row.items():
        if name == "embedding" and is_vector(value):
            sample |= preview(np.asarray(value, dtype=np.float32))
        elif name not in ("id", text_column) and len(columns) < MAX_COLUMNS:
            scalar = as_scalar(value)
            if scalar is not None:
                columns[name] = scalar
    return sample | {"columns": columns}


def guess_text_column(row: Mapping[str, Any]) -> str | None:
    """Return `text` if there is one, else the first column of strings that is not an id."""
    if isinstance(row.get("text"), str):
        return "text"
    return next((n for n, v in row.items() if n != "id" and isinstance(v, str)), None)


def preview(vector: np.ndarray[Any, np.dtype[np.float32]]) -> dict[str, Any]:
    """Return a vector of shape (dim,) as int8 in base64, its scale, norm and dimension."""
    # In float64: the scale of a vector next to nothing would be 0 in float32.
    finite = np.nan_to_num(vector.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    scale = float(np.abs(finite).max(initial=0.0)) / 127 or 1.0
    return {
        "embedding": base64.b64encode(np.rint(finite / scale).astype(np.int8).tobytes()).decode(),
        "scale": scale,
        "norm": float(np.linalg.norm(finite)),
        "dim": int(vector.size),
    }


def is_vector(value: Any) -> bool:
    array = np.asarray(value)
    return array.ndim == 1 and array.size > 0 and np.issubdtype(array.dtype, np.number)


def as_scalar(value: Any) -> str | int | float | bool | None:
    """Return what JSON can carry of a value, exactly; None where it can't."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, date | time | Decimal) or (
        isinstance(value, int) and abs(value) > MAX_EXACT
    ):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int) else None
