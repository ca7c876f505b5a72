"""The library alone: `SentenceTransformer.encode` of everything, with a pool, and in `datasets`."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bench.contenders.job import Job, Outcome, arrived


def loaded(model: str, arrivals: str) -> Any:
    """Return a `SentenceTransformer` that notes each forward pass in the file of arrivals."""
    from sentence_transformers import SentenceTransformer

    made = SentenceTransformer(model)
    made.register_forward_hook(
        lambda module, taken, given: arrived(arrivals, len(given["sentence_embedding"]))
    )
    return made


def encode(job: Job) -> Outcome:
    """One call with everything; it sorts by length, 32 rows a forward pass."""
    import torch

    torch.set_num_threads(job.cores)
    model = loaded(job.model, job.arrivals)
    table = job.table()
    vectors = model.encode(table["text"].to_pylist())
    return Outcome(table["id"].to_pylist(), np.asarray(vectors), "its defaults, 32 rows a pass")


def encode_pool(job: Job) -> Outcome:
    """`encode` with a process for each core, one thread each."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(job.model)
    table = job.table()
    pool = model.start_multi_process_pool(["cpu"] * job.cores)
    called_at = time.time()
    try:
        vectors = model.encode(table["text"].to_pylist(), pool=pool)
        done_at = time.time()
    finally:
        model.stop_multi_process_pool(pool)
    return Outcome(
        table["id"].to_pylist(),
        np.asarray(vectors),
        f"a pool of {job.cores}, its chunks and 32 rows a pass by default",
        called_at=called_at,
        done_at=done_at,
    )


def datasets_map(job: Job) -> Outcome:
    """`Dataset.map(batched=True)`, 1,000 rows a call, in this process."""
    import torch
    from datasets import Dataset, disable_caching

    disable_caching()
    torch.set_num_threads(job.cores)
    model = loaded(job.model, job.arrivals)

    def embed(batch: dict[str, Any]) -> dict[str, Any]:
        return {"embedding": model.encode(batch["text"])}

    result = Dataset(job.table()).map(embed, batched=True).with_format("numpy")
    done_at = time.time()
    return Outcome(
        [int(row) for row in result["id"][:]],
        np.asarray(result["embedding"][:], np.float32),
        "batched=True, 1,000 rows a call, encode by default",
        done_at=done_at,
    )
