"""A UDF that hangs."""

from __future__ import annotations

import os
import threading
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


class HangingEmbedder(TextEmbedder):
    """Waits in its fourth batch for what never comes."""

    def __init__(self, at: str, **embedder: Any):
        super().__init__(**embedder)
        self.at, self.calls = Path(at), 0

    def __call__(self, batch: pa.Table) -> pa.Table:
        self.calls += 1
        if self.calls > 3:
            self.at.write_text(str(time.time()))
            threading.Event().wait()
        return super().__call__(batch)


def run(params: Params, context: Context) -> None:
    dataset = load_rows(context)
    ds = ray.data.from_huggingface(choose(dataset, params.rows)).repartition(20)
    at = {"at": f"{os.environ['DEMO_CACHE']}/fault-at"}
    ds.map_batches(
        HangingEmbedder,
        fn_constructor_kwargs=at | context.embedder(actors=1),
        batch_size=64,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=1),
    ).materialize()
