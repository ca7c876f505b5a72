"""What a materialized dataset is, asked of the real one."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from ray.data.dataset import MaterializedDataset

from demo_server.protocol.events import (
    ResultData,
    Row,
    RowCounts,
    SchemaColumn,
    VectorAgreement,
)
from demo_server.toolkit.context import Context
from demo_server.toolkit.local_task import run_here
from demo_server.toolkit.sample import Batch, length, row_of, sample_row
from demo_server.toolkit.vectors import without_vector

FIRST_ROWS = 3


def outcome(
    dataset: MaterializedDataset[Any],
    *,
    before: str | None = None,
    after: str | None = None,
    text_column: str | None = None,
    seconds: float | None = None,
    counts: RowCounts | None = None,
    agreement: VectorAgreement | None = None,
) -> ResultData:
    """Return schema, counts, first rows and statistics of `dataset`, and what was printed of it."""
    schema, rows = dataset.schema(), dataset.count()
    first: Batch = dataset.take_batch(FIRST_ROWS, batch_format="pyarrow") if rows else {}
    return ResultData(
        before=before,
        after=after,
        columns=columns_of(schema) if schema else [],
        rows=rows,
        counts=counts,
        blocks=dataset.num_blocks(),
        bytes=dataset.size_bytes(),
        first_rows=[
            Row(**sample_row(row_of(first, number), number, text_column))
            for number in range(length(first))
        ],
        stats=dataset.stats(),
        seconds=seconds,
        agreement=agreement,
    )


def row_counts(
    result: MaterializedDataset[Any] | pa.Table, context: Context, asked: int | None = None
) -> RowCounts:
    """Count the rows from the file to `result`; one without a vector is noted as an example.

    Where it has no column `embedding` at all, none was to be embedded.

    Args:
        asked: rows that were to come out; what `context` expects when None.
    """
    if isinstance(result, pa.Table):
        out, names = result.num_rows, result.schema.names
    else:
        schema = result.schema()
        out, names = result.count(), schema.names if schema else []
    lacking, first = out, None
    if "embedding" in names and isinstance(result, pa.Table):
        lacking, first = without_vector([result])
    elif "embedding" in names:
        lacking, first = run_here(without_vector, result.to_arrow_refs())
    if first:
        example = sample_row(first, 0, context.source.text_column)
        context.note(
            f"{lacking:,} rows came out without a vector of numbers, the first is "
            f"{example['id']}: {example['text']!r}.",
            "warning",
        )
    cleaned = context.cleaned
    asked = context.total if asked is None else asked
    taken = out if asked is None else asked
    return RowCounts(
        in_file=context.source.in_file,
        read=cleaned.kept + cleaned.dropped,
        dropped=cleaned.dropped,
        left_out=cleaned.kept - taken + context.dropped,
        lost=taken - context.dropped - out,
        embedded=out - lacking,
        out=out,
    )


def batch_outcome(batch: pa.Table, text_column: str, seconds: float) -> ResultData:
    """Return what one batch holds."""
    return ResultData(
        columns=columns_of(batch.schema),
        rows=batch.num_rows,
        first_rows=[
            Row(**sample_row(row_of(batch, i), i, text_column))
            for i in range(min(FIRST_ROWS, batch.num_rows))
        ],
        seconds=seconds,
    )


def columns_of(schema: Any) -> list[SchemaColumn]:
    """Return the columns of a schema, of Arrow or of Ray."""
    return [
        SchemaColumn(name=name, type=type_name(kind))
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]


def type_name(kind: Any) -> str:
    """Return a column's type as a person writes it: `float32[384]` for vectors of 384 numbers."""
    shape, scalar = getattr(kind, "shape", None), getattr(kind, "value_type", None)
    if shape is not None and scalar is not None:  # a tensor, as NumPy batches make them
        return f"{type_name(scalar)}[{', '.join(str(n) for n in shape)}]"
    if pa.types.is_fixed_size_list(kind):
        return f"{type_name(kind.value_type)}[{kind.list_size}]"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"{type_name(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"struct({', '.join(field.name for field in kind)})"
    if pa.types.is_dictionary(kind):
        return type_name(kind.value_type)
    return {"float": "float32", "double": "float64"}.get(str(kind), str(kind))
