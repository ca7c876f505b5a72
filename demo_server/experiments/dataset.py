"""From Hugging Face to Ray Data."""

from __future__ import annotations

import ray
from datasets import load_dataset
from pydantic import Field

from demo_server.data.cleaning import drop_unusable
from demo_server.toolkit.context import Context, Defaults, Machine, Needs, Parameters
from demo_server.toolkit.result import outcome

BLOCK_BYTES = 1_000_000


class Params(Parameters):
    blocks: int = Field(16, ge=1, le=1000, description="parts that the dataset is cut into")


needs = Needs()


def run(params: Params, context: Context) -> None:
    """Load the whole dataset and look at it."""
    source = context.source
    # region load
    dataset = load_dataset(*source.args, **source.kwargs)
    dataset, cleaned = drop_unusable(dataset, source.text_column)
    print(dataset, cleaned)

    ds = ray.data.from_huggingface(dataset)
    ds = ds.repartition(params.blocks)
    # endregion load
    context.expect(len(dataset))
    context.note(str(cleaned))
    # region inspect
    materialized = ds.materialize()
    print(materialized.schema())
    print(materialized.num_blocks(), "blocks")
    materialized.show(3)
    # endregion inspect
    context.result(
        outcome(
            materialized,
            before=str(dataset),
            after=str(materialized),
            text_column=source.text_column,
        )
    )


def defaults(machine: Machine) -> Defaults:
    """A few blocks for each CPU, so that all have work until the end."""
    blocks = min(1000, 8 * machine.cpus)
    return Defaults(
        values={"blocks": blocks}, reason=f"8 blocks for each of {machine.cpus} CPUs = {blocks}"
    )
