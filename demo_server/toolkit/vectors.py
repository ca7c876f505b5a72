"""Which rows of a result have an embedding; a worker counts, so what it imports is light."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import ray

from demo_server.toolkit.sample import row_of
from demo_server.toolkit.sinks.parquet import plain


def without_vector(
    blocks: list[ray.ObjectRef[pa.Table]] | list[pa.Table],
) -> tuple[int, dict[str, Any] | None]:
    """Return how many rows of blocks have no `embedding` of finite numbers, and the first."""
    lacking, first = 0, None
    for block in blocks:
        table = block if isinstance(block, pa.Table) else ray.get(block)
        vectors = plain(table.select(["embedding"]))["embedding"].combine_chunks()
        rows = np.flatnonzero(~finite(vectors))
        lacking += len(rows)
        if first is None and len(rows):
            first = row_of(plain(table), int(rows[0]))
    return lacking, first


def finite(lists: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which of some lists, shape (rows,), hold numbers and nothing else; others don't."""
    if not (is_list(lists.type) and is_number(lists.type.value_type)):
        return np.zeros(len(lists), bool)
    there: np.ndarray[Any, np.dtype[np.bool_]] = lists.is_valid().to_numpy(zero_copy_only=False)
    held = lists.drop_null()
    wrong = ~np.isfinite(held.flatten().to_numpy(zero_copy_only=False).astype(np.float64))
    right = np.ones(len(held), bool)
    right[pc.list_parent_indices(held).to_numpy()[wrong]] = False
    there[there] = right
    return there


def is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
