"""One batch first."""

from __future__ import annotations

import time

import ray
from pydantic import Field
from ray.data import ActorPoolStrategy

from demo_server.embedding.registry import LIBRARY
from demo_server.embedding.sentence_transformer import TextEmbedder
from demo_server.toolkit.context import Context, Needs, Parameters
from demo_server.toolkit.result import batch_outcome
from demo_server.toolkit.rows import load_chosen


class Params(Parameters):
    batch_size: int = Field(128, ge=1, le=4096, description="rows of the one batch")
    num_cpus: int = Field(1, ge=1, le=64, description="CPUs that Ray sets aside for the actor")
    seed: int = Field(0, ge=0, le=2**31, description="0 keeps the order, others shuffle it")


needs = Needs(actors=1, cpus_per_actor="num_cpus", task_cpus=0)
preloads = [LIBRARY]


def run(params: Params, context: Context) -> None:
    """Embed one batch, to see that the class works before the entire dataset waits for it."""
    started, column = time.perf_counter(), context.source.text_column
    model, threads, gpus = context.model, context.threads(actors=1), context.gpus_per_actor(1)
    dataset = load_chosen(context, seed=params.seed)
    context.expect(min(params.batch_size, len(dataset)))
    # fmt: off
    # region peek
    ds = ray.data.from_huggingface(dataset).limit(params.batch_size)
    ds = ds.map_batches(
        TextEmbedder,
        fn_constructor_kwargs={
            "model": model, "column": column,
            "threads": threads},
        batch_size=params.batch_size, batch_format="pyarrow",
        compute=ActorPoolStrategy(size=1),
        num_cpus=params.num_cpus,
        num_gpus=gpus,
    )
    batch = ds.take_batch(params.batch_size, batch_format="pyarrow")
    # endregion peek
    # fmt: on
    context.result(batch_outcome(batch, column, time.perf_counter() - started))
