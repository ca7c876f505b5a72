"""From Hugging Face to Ray Data."""

from __future__ import annotations

from typing import Any

import ray
from datasets import load_dataset
from pydantic import Field

from demo_server.data.cleaning import check_texts
from demo_server.toolkit.context import Context, Defaults, Machine, Needs, Parameters
from demo_server.toolkit.result import outcome
from demo_server.toolkit.rows import MOST_BLOCKS, note_reading


class Params(Parameters):
    blocks: int = Field(16, ge=1, le=MOST_BLOCKS, description="parts that the dataset is cut into")


needs = Needs()


def run(params: Params, context: Context) -> None:
    """Load the whole dataset and print it."""
    path, options = context.source.load_arguments
    column = context.source.text_column
    note_reading(context)
    # region load
    dataset = load_dataset(path, **options)
    print(dataset)
    # endregion load
    cleaned = check_texts(dataset, column)
    context.note_cleaned(cleaned)

    # fmt: off
    # region blocks
    def has_text(row: Any) -> bool:
        return bool(row[column] and row[column].strip())

    ds = ray.data.from_huggingface(
        dataset, override_num_blocks=params.blocks).filter(has_text)
    # endregion blocks
    # fmt: on
    context.expect(cleaned.kept)
    # region inspect
    materialized = ds.materialize()
    print(materialized.schema())
    print(materialized.num_blocks(), "blocks")
    materialized.show(3)
    # endregion inspect
    context.result(
        outcome(materialized, before=str(dataset), after=str(materialized), text_column=column)
    )


def defaults(machine: Machine) -> Defaults:
    """A few blocks for each CPU, so that all have work until the end."""
    blocks = min(MOST_BLOCKS, 8 * machine.cpus)
    return Defaults(
        values={"blocks": blocks}, reason=f"8 blocks for each of {machine.cpus} CPUs = {blocks}"
    )
