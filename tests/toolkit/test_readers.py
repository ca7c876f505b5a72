"""A result on disk, read by those that know nothing of Ray."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo_server.toolkit.sinks import parquet

VECTORS = np.arange(24, dtype=np.float32).reshape(6, 4) / 7


def from_duckdb(path: Path) -> Any:
    return [row[0] for row in duckdb.sql(f"select embedding from '{path}'").fetchall()]


def from_datasets(path: Path) -> Any:
    cache = str(path.parent / "cache")
    found = datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=cache)
    return found["embedding"][:]


READERS: dict[str, Callable[[Path], Any]] = {
    "pyarrow": lambda path: pq.read_table(path)["embedding"].to_pylist(),
    "pandas": lambda path: pd.read_parquet(path)["embedding"].tolist(),
    "duckdb": from_duckdb,
    "polars": lambda path: pl.read_parquet(path)["embedding"].to_list(),
    "datasets": from_datasets,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("number", [pa.float32(), pa.float16()], ids=str)
def test_embeddings_are_floats_to_every_reader(
    tmp_path: Path, reader: str, number: pa.DataType
) -> None:
    lists = pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.ravel(), number), 4)
    path = tmp_path / "result.parquet"
    parquet.write_tables([pa.table({"text": list("abcdef"), "embedding": lists})], path)
    assert np.array(READERS[reader](path), np.float32) == pytest.approx(VECTORS, rel=1e-3)
