"""Slow against fast."""

from __future__ import annotations

from functools import partial

import ray
from pydantic import Field

from demo_server.embedding.registry import FAST, FastName
from demo_server.experiments import ladder
from demo_server.protocol.events import ComparisonData
from demo_server.toolkit.comparison import check_same, take_step, wait_until_quiet
from demo_server.toolkit.context import Context, Defaults, Machine, Needs, Parameters
from demo_server.toolkit.rows import load_texts


class Params(Parameters):
    # Few: one of the two does some a second.
    lane_rows: int = Field(96, ge=1, le=10_000, description="rows that both embed")
    engine: FastName = Field(FAST, description="what computes in the fast one")


needs = Needs(actors=1, alone=True)
preloads = [(ladder.TORCH,)]

stages = {"slow": "Everything wrong", "fast": "Everything fixed"}
# The ladder's first step, and its last.
STEPS = {"slow": "everything_wrong", "fast": "fewer_blocks"}


def run(params: Params, context: Context) -> None:
    """Embed the same rows in the ladder's first step and then in its last: one after the other."""
    dataset = load_texts(context, params.lane_rows)
    pipelines = ladder.pipelines(params.engine, len(dataset), context)
    wait_until_quiet(context)
    steps = []
    for lane, title in stages.items():
        ds = ray.data.from_huggingface(dataset)
        context.imports = preloads[0] if lane == "slow" else ()
        pipeline = partial(pipelines[STEPS[lane]], ds)
        steps.append(take_step(context, lane, title, len(dataset), pipeline)[0])
    slow, fast = steps
    cosine = check_same([slow], fast.vectors)
    context.emit(ComparisonData(ratio=slow.cost_s / fast.cost_s, cosine=cosine))


def defaults(machine: Machine) -> Defaults:
    """The engine that starts soonest."""
    return Defaults({"engine": ladder.engine()}, "First the slow one, then the fast.")
