"""A UDF whose process dies of one row, whoever tries it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray
from pydantic import Field
from ray.data import ActorPoolStrategy

from demo_server.data.selection import choose
from demo_server.embedding.sentence_transformer import TextEmbedder
from demo_server.toolkit.context import Context, Needs, Parameters
from demo_server.toolkit.rows import load_rows


class Params(Parameters):
    rows: int = Field(2000, ge=1, le=10_000)


needs = Needs(actors=1)


class DyingEmbedder(TextEmbedder):
    """Its process is killed by the row 640."""

    def __init__(self, at: str, **embedder: Any):
        super().__init__(**embedder)
        self.at = Path(at)

    def __call__(self, batch: pa.Table) -> pa.Table:
        if "640" in batch["number"].to_pylist():
            if not self.at.exists():
                self.at.write_text(str(time.time()))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(batch)


def run(params: Params, context: Context) -> None:
    dataset = load_rows(context)
    dataset = choose(dataset, params.rows)
    dataset = dataset.add_column("number", [str(n) for n in range(len(dataset))])
    ds = ray.data.from_huggingface(dataset).repartition(20)
    at = {"at": f"{os.environ['DEMO_CACHE']}/fault-at"}
    ds.map_batches(
        DyingEmbedder,
        fn_constructor_kwargs=at | context.embedder(actors=1),
        batch_size=64,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=1),
    ).materialize()
