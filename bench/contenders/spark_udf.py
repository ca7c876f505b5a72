"""PySpark with a pandas UDF that is given an iterator of batches, so that it loads a model once."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.contenders.job import Job, Outcome
from bench.contenders.library import loaded
from bench.contenders.ours import noting


def default(job: Job) -> Outcome:
    """The library's `encode` on the batches that Spark makes, a process and a thread a core."""

    def load() -> Any:
        import torch

        torch.set_num_threads(1)
        return loaded(job.model, job.arrivals).encode

    return collect(job, load, "encode by default")


def with_engine(job: Job, engine: str) -> Outcome:
    """Our engine on the batches that Spark makes."""

    def load() -> Any:
        embedder = noting(job, engine, 1)
        return lambda texts: embedder({"text": np.asarray(texts, object)})["embedding"]

    return collect(job, load, "our engine in the UDF")


def collect(job: Job, load: Any, facts: str) -> Outcome:
    import pandas as pd
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import pandas_udf

    os.environ["PYSPARK_PYTHON"] = sys.executable  # by default `python3`, whichever that is
    spark = (
        SparkSession.builder.master(f"local[{job.cores}]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )

    def embed(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        ready = load()
        for texts in batches:
            yield pd.Series(list(ready(texts.tolist())))

    embed.__annotations__ = {"batches": Iterator[pd.Series], "return": Iterator[pd.Series]}
    udf = pandas_udf(embed, "array<float>")
    frame = spark.read.parquet(job.texts).repartition(job.cores)
    table = frame.select("id", udf("text").alias("embedding")).toArrow()
    done_at = time.time()
    spark.stop()
    flat = table["embedding"].combine_chunks().flatten()
    vectors = np.asarray(flat, np.float32).reshape(len(table), -1)
    settings = f"local[{job.cores}], a partition and a thread a core, 10,000 rows a batch"
    return Outcome(table["id"].to_pylist(), vectors, f"{settings}, {facts}", done_at=done_at)
