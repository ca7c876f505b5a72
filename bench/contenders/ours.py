"""Ours: the product's run from a terminal, end to end, and our engine alone in a loop."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from bench.contenders.job import Job, Outcome, arrived
from demo_server.embedding import counters

# The most that `embed` takes: less padding and fewer waits for a last pass than by default.
BATCH_ROWS = 4096

Batch = dict[str, Any]


def noting(job: Job, engine: str, threads: int) -> Callable[[Batch], Batch]:
    """Load one of our fast classes; each pass is noted in the file of arrivals."""
    embedder = job.embedder(engine, threads)

    def embed(batch: Batch) -> Batch:
        with counters.listening(lambda rows, vectors: arrived(job.arrivals, len(rows))):
            result: Batch = embedder(batch)
        return result

    return embed


def in_ray(job: Job, engine: str) -> Outcome:
    """`demo-server run embed` in its largest batches: Ray, driver, actors, events, log."""
    rows = pq.read_metadata(job.texts).num_rows
    asked = ["--rows", str(rows), "--engine", engine]
    asked += ["--batch-size", str(BATCH_ROWS), "--blocks", str(math.ceil(rows / BATCH_ROWS))]
    command = ["run", "embed", "--dataset", job.texts, "--text-column", "text", "--seed", "0"]
    known = results()
    ran = subprocess.Popen(
        [sys.executable, "-m", "demo_server", *command, *asked, "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert ran.stdout
    arrivals, run_at, done_at, ended = [], None, None, None
    for line in ran.stdout:
        event = json.loads(line)
        if event["kind"] == "rows":
            data = event["data"]
            arrivals.append((data["finished_at"] / 1000, int(data["batch_rows"])))
        if event["kind"] == "result" and done_at is None:
            done_at = time.time()
            run_at = done_at - event["data"]["seconds"]
        if event["kind"] == "status":
            ended = event["data"]
    if ran.wait() != 0:
        raise RuntimeError(f"embed ended as {ended}")
    (path,) = results() - known
    table = pq.read_table(path)
    return Outcome(
        table["id"].to_pylist(),
        np.asarray(table["embedding"].combine_chunks().flatten()).reshape(len(table), -1),
        f"`demo-server run embed`, {BATCH_ROWS:,} rows a batch, live events and log on",
        arrivals=sorted(arrivals),
        run_at=run_at,
        done_at=done_at,
    )


def results() -> set[Path]:
    return set(Path(os.environ["DEMO_CACHE"]).glob("runs/*/result.parquet"))


def bare(job: Job, engine: str) -> Outcome:
    """Our engine in one process and no framework: one call with everything."""
    embedder = noting(job, engine, job.cores)
    table = job.table()
    texts = np.asarray(table["text"].to_pylist(), object)
    vectors = embedder({"text": texts})["embedding"]
    return Outcome(table["id"].to_pylist(), vectors, f"{job.cores} threads")
