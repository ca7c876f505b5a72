"""What a materialized dataset is, asked of the real one."""

from __future__ import annotations

from typing import Any

import numpy as np
from ray.data.dataset import MaterializedDataset

from demo_server.protocol.events import ResultData, Row, SchemaColumn
from demo_server.toolkit.sample import sample_row

FIRST_ROWS = 3


def outcome(
    dataset: MaterializedDataset[Any],
    *,
    before: str | None = None,
    after: str | None = None,
    text_column: str | None = None,
    seconds: float | None = None,
) -> ResultData:
    """Return schema, counts, first rows and statistics of `dataset`, and what was printed of it."""
    schema = dataset.schema()
    return ResultData(
        before=before,
        after=after,
        columns=[
            SchemaColumn(name=name, type=type_name(kind))
            for name, kind in zip(schema.names, schema.types, strict=True)
        ]
        if schema
        else [],
        rows=dataset.count(),
        blocks=dataset.num_blocks(),
        bytes=dataset.size_bytes(),
        first_rows=[
            Row(**sample_row(row, number, text_column))
            for number, row in enumerate(dataset.take(FIRST_ROWS))
        ],
        stats=dataset.stats(),
        seconds=seconds,
    )


def batch_outcome(batch: Any, text_column: str, seconds: float) -> ResultData:
    """Return what one batch holds, columns by name as NumPy has them."""
    rows = len(next(iter(batch.values()), ()))
    return ResultData(
        columns=[
            SchemaColumn(name=name, type=array_type(column)) for name, column in batch.items()
        ],
        rows=rows,
        first_rows=[
            Row(**sample_row({name: column[i] for name, column in batch.items()}, i, text_column))
            for i in range(min(FIRST_ROWS, rows))
        ],
        seconds=seconds,
    )


def array_type(column: Any) -> str:
    """Return `float32[384]` for an array of shape (rows, 384), `string` for one of objects."""
    array = np.asarray(column)
    name = "string" if array.dtype.kind in "OUST" else str(array.dtype)
    return f"{name}[{', '.join(map(str, array.shape[1:]))}]" if array.ndim > 1 else name


def type_name(kind: Any) -> str:
    """Return a column's type as a person writes it: `float32[384]` for a tensor."""
    shape = getattr(kind, "shape", None)
    scalar = getattr(kind, "value_type", None)
    if shape is not None and scalar is not None:
        return f"{type_name(scalar)}[{', '.join(str(n) for n in shape)}]"
    return {"float": "float32", "double": "float64"}.get(str(kind), str(kind))
