"""One batch first."""

from __future__ import annotations

import time

import ray
from datasets import load_dataset
from pydantic import Field
from ray.data import ActorPoolStrategy

from demo_server.data.cleaning import drop_unusable
from demo_server.data.selection import choose
from demo_server.embedding.engine import IMPORTS
from demo_server.experiments.embed import TextEmbedder
from demo_server.toolkit.context import Context, Needs, Parameters
from demo_server.toolkit.result import batch_outcome


class Params(Parameters):
    batch_size: int = Field(128, ge=1, le=4096, description="rows of the one batch")
    num_cpus: int = Field(1, ge=1, le=64, description="CPUs that Ray sets aside for the actor")
    seed: int = Field(0, ge=0, le=2**31, description="0 keeps the order, others shuffle it")


needs = Needs(actors=1, cpus_per_actor="num_cpus")
preloads = [IMPORTS["sentence-transformers"]]


def run(params: Params, context: Context) -> None:
    """Embed one batch, to see that the class works before the entire dataset waits for it."""
    source, started = context.source, time.perf_counter()
    context.imports = preloads[0]
    dataset = load_dataset(*source.args, **source.kwargs)
    dataset, _ = drop_unusable(dataset, source.text_column)
    dataset = choose(dataset, len(dataset), params.seed)
    context.expect(min(params.batch_size, len(dataset)))
    # region peek
    ds = ray.data.from_huggingface(dataset).limit(params.batch_size)
    ds = ds.map_batches(
        TextEmbedder,
        fn_constructor_kwargs=context.embedder(actors=1),
        batch_size=params.batch_size,
        compute=ActorPoolStrategy(size=1),
        num_cpus=params.num_cpus,
        num_gpus=context.gpus_per_actor(actors=1),
    )
    batch = ds.take_batch(params.batch_size)
    # endregion peek
    context.result(batch_outcome(batch, source.text_column, time.perf_counter() - started))
