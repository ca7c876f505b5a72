"""From slow to fast."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import ray
from pydantic import Field
from ray.data import Dataset
from ray.data.dataset import MaterializedDataset

from demo_server.embedding.registry import FAST, FastName, find
from demo_server.experiments.comparisons.ladder_fast import Done, EngineSteps
from demo_server.experiments.comparisons.ladder_torch import TorchSteps
from demo_server.protocol.events import ComparisonData
from demo_server.toolkit.comparison import check_same, take_step, wait_until_quiet
from demo_server.toolkit.context import Context, Defaults, Machine, Needs, Parameters
from demo_server.toolkit.export_timing import growth, written
from demo_server.toolkit.rows import load_texts

TORCH = "sentence_transformers"


class Params(Parameters):
    # As many as take about 90 s in all.
    most_rows: int = Field(
        1000, ge=1, le=100_000, description="rows of the last steps; slow ones take a part"
    )
    engine: FastName = Field(FAST, description="what computes from the sixth step on")


needs = Needs(actors=1, alone=True)
preloads = [(TORCH,)]

BLOCK_ROWS = 512
# Each step with its title and the part of the rows that it can do in some seconds.
STEPS = [
    ("everything_wrong", "Everything wrong", 0.012),
    ("actor", "An actor, not tasks", 0.012),
    ("model_in_init", "The model in __init__", 0.025),
    ("tokenizer_in_init", "The tokenizer too", 0.04),
    ("no_gradients", "No gradients", 0.04),
    ("other_engine", "The engine", 0.06),
    ("no_prints", "No prints", 0.06),
    ("batch_of_two", "Batches, though of 2", 0.08),
    ("large_batches", "Batches of 256", 0.18),
    ("no_conversions", "Arrays, no lists", 0.18),
    ("one_pass", "A pass for a batch", 0.18),
    ("sorted_by_length", "Passes of like length", 0.35),
    ("prepared_apart", "Cleaning in tasks", 0.35),
    ("too_many_actors", "4 actors, all threads each", 0.35),
    ("threads_for_the_cores", "One actor, all threads", 0.35),
    ("fewer_blocks", f"Blocks of {BLOCK_ROWS} rows", 1.0),
]
stages = {name: title for name, title, _ in STEPS}
TORCH_STEPS = sum(hasattr(TorchSteps, name) for name, _, _ in STEPS)
LEAST_ROWS = 12


def pipelines(
    engine: FastName, rows: int, context: Context
) -> dict[str, Callable[[Dataset], Done]]:
    """Return what runs each step, by its name."""
    column = context.source.text_column
    torch_steps = TorchSteps(context.model, column)
    blocks = math.ceil(rows / BLOCK_ROWS)
    loaded = {"engine": engine, "model": context.model_for(engine)}
    engine_steps = EngineSteps(column, loaded, context.cores, blocks)
    return {
        name: getattr(torch_steps if hasattr(torch_steps, name) else engine_steps, name)
        for name, _, _ in STEPS
    }


def run(params: Params, context: Context) -> None:
    """Embed the same rows in one step after the other, and compare what they took and gave."""
    began = time.perf_counter()
    dataset = load_texts(context, params.most_rows)
    ladder = pipelines(params.engine, len(dataset), context)
    for _ in range(TORCH_STEPS - 1):  # one stands ready; together they import in half the time
        context.prestart(TORCH)
    wait_until_quiet(context)
    steps = []
    for name, title, share in STEPS:
        rows = max(LEAST_ROWS, round(len(dataset) * share))
        ds = ray.data.from_huggingface(dataset.select(range(rows)))
        context.imports = (TORCH,) if hasattr(TorchSteps, name) else ()
        step, last = take_step(context, name, title, rows, partial(ladder[name], ds))
        steps.append(step)
    cosine = check_same(steps, steps[-1].vectors)
    write(last, context)
    context.emit(
        ComparisonData(
            ratio=steps[0].cost_s / min(step.cost_s for step in steps),
            cosine=cosine,
            seconds=time.perf_counter() - began,
        )
    )


def write(ds: MaterializedDataset[Any], context: Context) -> None:
    """Take the same rows out in three ways, each in a stage of its own."""
    rows = ds.count()
    with context.staged("take_all"):
        with growth() as taken:
            # region take_all
            everything = ds.take_all()
            # endregion take_all
        context.emit(taken.export(len(everything)))
        del everything
    with context.staged("json"):

        def write_json(path: str) -> None:
            # region json
            ds.write_json(path)
            # endregion json

        context.emit(
            written("JSON", rows, context.directory / "json", write_json, ray.data.read_json)
        )
    with context.staged("parquet"):

        def write_parquet(path: str) -> None:
            # region parquet
            ds.write_parquet(path)
            # endregion parquet

        path = context.directory / "parquet"
        context.emit(written("Parquet", rows, path, write_parquet, ray.data.read_parquet))


def defaults(machine: Machine) -> Defaults:
    """OpenVINO where there is one."""
    return Defaults({"engine": engine()}, "Slow steps take fewer rows: figures are for 1,000 rows.")


def engine() -> FastName:
    """Return the engine that starts soonest: each step starts it again."""
    return FAST if find(FAST).installed else "TorchEmbedder"
