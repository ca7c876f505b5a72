"""Daft with a batch UDF: `encode` as Daft's own text embedder calls it, or our engine inside."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bench.contenders.job import Job, Outcome
from bench.contenders.library import loaded
from bench.contenders.ours import noting


def default(job: Job) -> Outcome:
    """The library's `encode` on the batches that Daft makes."""

    def load() -> Any:
        return loaded(job.model, job.arrivals).encode

    return collect(job, load, None, "Daft's defaults, encode by default")


def with_engine(job: Job, engine: str) -> Outcome:
    """Our engine on the batches that Daft makes."""

    def load() -> Any:
        embedder = noting(job, engine, job.cores)
        return lambda texts: embedder({"text": np.asarray(texts, object)})["embedding"]

    # One call at a time: it uses all cores.
    return collect(job, load, 1, "max_concurrency 1, our engine in the UDF")


def collect(job: Job, load: Any, at_once: int | None, facts: str) -> Outcome:
    import daft
    from daft import DataType

    @daft.cls(max_concurrency=at_once)
    class Embed:
        def __init__(self) -> None:
            self.embed = load()

        @daft.method.batch(return_dtype=DataType.list(DataType.float32()))
        def __call__(self, texts: daft.Series) -> list[Any]:
            return list(self.embed(texts.to_pylist()))

    frame = daft.read_parquet(job.texts)
    frame = frame.with_column("embedding", Embed()(frame["text"]))
    table = frame.select("id", "embedding").to_arrow()
    done_at = time.time()
    flat = table["embedding"].combine_chunks().flatten()
    vectors = np.asarray(flat, np.float32).reshape(len(table), -1)
    return Outcome(table["id"].to_pylist(), vectors, facts, done_at=done_at)
