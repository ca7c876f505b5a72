"""A dataset that raises in the middle."""

from __future__ import annotations

import time

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


def read(batch: pa.Table) -> pa.Table:
    if "1400" in batch["number"].to_pylist():
        raise ValueError(f"row 1400 cannot be read at {time.time():.3f}")
    return batch


def run(params: Params, context: Context) -> None:
    dataset = load_rows(context)
    dataset = choose(dataset, params.rows)
    dataset = dataset.add_column("number", [str(n) for n in range(len(dataset))])
    ds = (
        ray.data.from_huggingface(dataset)
        .repartition(20)
        .map_batches(read, batch_size=64, batch_format="pyarrow")
    )
    ds.map_batches(
        TextEmbedder,
        fn_constructor_kwargs=context.embedder(actors=1),
        batch_size=64,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=1),
    ).materialize()
