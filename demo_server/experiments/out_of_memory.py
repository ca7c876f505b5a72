"""Out of memory."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import ray
from pydantic import Field
from ray.data import ActorPoolStrategy

from demo_server.embedding.registry import LIBRARY
from demo_server.embedding.sentence_transformer import TextEmbedder
from demo_server.toolkit.context import Context, Needs, Parameters, RunError
from demo_server.toolkit.memory_limit import can_limit, limited
from demo_server.toolkit.rows import load_chosen


class Params(Parameters):
    rows: int = Field(512, ge=1, le=10_000, description="rows to embed, twice")
    large_batch: int = Field(512, ge=1, le=4096, description="the batch that doesn't fit")
    small_batch: int = Field(32, ge=1, le=4096, description="the batch that does")
    limit_mb: int = Field(
        192, ge=64, le=4096, description="MB that a batch may take in addition to the model"
    )


needs = Needs(actors=1, task_cpus=0)
preloads = [LIBRARY]


class LimitedEmbedder(TextEmbedder):
    """Embeds a whole batch in one forward pass, and has only so much memory for it."""

    def __init__(self, limit_mb: int, **embedder: Any):
        super().__init__(**embedder)
        self.limit_mb = limit_mb

    def __call__(self, batch: pa.Table) -> pa.Table:
        texts = batch[self.column].to_pylist()
        with limited(self.limit_mb * 1_000_000, self.model.device.type):
            vectors = self.model.encode(texts, batch_size=len(texts))
        lists = pa.FixedSizeListArray.from_arrays(vectors.ravel(), vectors.shape[1])
        return batch.append_column("embedding", lists)


def run(params: Params, context: Context) -> None:
    """Fail with a batch that is too large for a real limit, then pass with a smaller one."""
    if not can_limit(context.device):
        raise RunError(
            "This device has no limit on one process's memory that can be relied on. "
            "Show the recording of this slide instead."
        )
    dataset = load_chosen(context, params.rows)
    ds = ray.data.from_huggingface(dataset)
    limit = {"limit_mb": params.limit_mb, **context.embedder(actors=1)}
    context.expect(len(dataset))
    context.note(f"A batch may take {params.limit_mb} MB in addition to the model: a real limit.")

    gpus = context.gpus_per_actor(actors=1)
    context.prestart(*preloads[0])  # one stands ready, and two stages need one each
    with context.staged("large_batch"):
        try:
            # fmt: off
            # region large
            ds.map_batches(
                LimitedEmbedder,
                fn_constructor_kwargs=limit,
                batch_size=params.large_batch, batch_format="pyarrow",
                compute=ActorPoolStrategy(size=1),
                num_gpus=gpus,
            ).materialize()
            # endregion large
            # fmt: on
        except ray.exceptions.RayError as error:
            context.failed(error, remedy=f"Take a smaller batch: {params.small_batch} rows.")
        else:
            raise RunError(
                f"A batch of {params.large_batch} rows fitted into {params.limit_mb} MB: "
                "raise large_batch or lower limit_mb."
            )
    with context.staged("small_batch"):
        # fmt: off
        # region small
        ds.map_batches(
            LimitedEmbedder,
            fn_constructor_kwargs=limit,
            batch_size=params.small_batch, batch_format="pyarrow",
            compute=ActorPoolStrategy(size=1),
            num_gpus=gpus,
        ).materialize()
        # endregion small
        # fmt: on
