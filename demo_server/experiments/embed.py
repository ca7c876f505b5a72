"""Run inference on the entire dataset."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray
from pydantic import Field
from ray.data import ActorPoolStrategy
from ray.data.dataset import MaterializedDataset

from demo_server.embedding.registry import Embedder, imports_ahead, offered
from demo_server.toolkit.context import Context, Defaults, Machine, Needs, Parameters
from demo_server.toolkit.failure import explain
from demo_server.toolkit.result import outcome, row_counts
from demo_server.toolkit.rows import MOST_BLOCKS, load_chosen
from demo_server.toolkit.sinks import parquet

RUN_S = 40.0
GUESSED_RATE = 100.0
LEAST_ROWS = 200
BATCH_SIZE = 2048


class Params(Parameters):
    rows: int = Field(4000, ge=1, le=10_000_000, description="rows of the dataset to embed")
    batch_size: int = Field(BATCH_SIZE, ge=1, le=4096, description="rows of one call of the actor")
    concurrency: int = Field(1, ge=1, le=64, description="actors, each with a model of its own")
    num_cpus: int = Field(1, ge=1, le=64, description="CPUs that Ray sets aside for each actor")
    blocks: int = Field(16, ge=1, le=MOST_BLOCKS, description="parts that the dataset is cut into")
    engine: Embedder = Field("TextEmbedder", validate_default=True, description="what embeds")
    seed: int = Field(0, ge=0, le=2**31, description="0 keeps the order, others shuffle it")


needs = Needs(actors="concurrency", cpus_per_actor="num_cpus", task_cpus=0)
preloads = imports_ahead()


def run(params: Params, context: Context) -> Any:
    """Embed the first rows of the dataset, or a shuffle's, and hold it next to the original."""
    started, column = time.perf_counter(), context.source.text_column
    model = context.model_for(params.engine.__name__)
    threads, gpus = context.threads(params.concurrency), context.gpus_per_actor(params.concurrency)
    dataset = load_chosen(context, params.rows, params.seed)
    # fmt: off
    # region pipeline
    ds = ray.data.from_huggingface(
        dataset, override_num_blocks=params.blocks)
    ds = ds.map_batches(
        params.engine,
        fn_constructor_kwargs={
            "model": model, "column": column,
            "threads": threads},
        batch_size=params.batch_size, batch_format="pyarrow",
        compute=ActorPoolStrategy(size=params.concurrency),
        num_cpus=params.num_cpus,
        num_gpus=gpus,
    )
    # endregion pipeline
    # fmt: on
    context.expect(len(dataset), arrangement(params, context))
    file = context.directory / "result.parquet"
    refused = parquet.refusal(dataset.data.schema, file)
    if refused:  # known before the work, and no reason not to do it
        context.note(f"The result will not be written: {refused}.", "warning")
    # region materialize
    materialized = ds.materialize()
    # endregion materialize
    seconds = time.perf_counter() - started
    counts = row_counts(materialized, context)
    context.result(
        outcome(
            materialized,
            before=str(ds),
            after=str(materialized),
            text_column=column,
            seconds=seconds,
            counts=counts,
            agreement=context.agreement(params.engine.__name__),
        )
    )
    if not refused:
        save(materialized, file, context)
    return ds, materialized, counts


def save(materialized: MaterializedDataset[Any], file: Path, context: Context) -> None:
    """Have a worker write the result to disk; what fails there doesn't undo a run's success."""
    with context.staged("write"):
        try:
            size = parquet.write(materialized, file, context.source.original_types)
        except (OSError, pa.ArrowException, ray.exceptions.RayError) as error:
            context.note(f"The result could not be written: {explain(error).message}", "warning")
        else:
            context.note(f"Written to {file.name}, {size / 1e6:.1f} MB.")


def arrangement(params: Params, context: Context) -> str:
    """Return how the cores are used, and the sum that makes the pipeline fit the cluster."""
    actors, each = params.concurrency, params.num_cpus
    threads = context.threads(actors)
    return (
        f"{threads} {'thread' if threads == 1 else 'threads'} an actor on {context.cores} cores; "
        f"{actors} {'actor' if actors == 1 else 'actors'} x {each} CPU "
        f"= {actors * each} of {context.cpus} CPUs"
    )


def defaults(machine: Machine) -> Defaults:
    """About 40 s of work, in blocks of about a second, on half as many actors as there are CPUs."""
    actors = 1 if machine.device != "cpu" else max(1, min(machine.cpus // 2, 8))
    rate = machine.rate or GUESSED_RATE * actors
    rows = rows_in(RUN_S, rate, machine)
    block = BATCH_SIZE * max(1, round(rate / BATCH_SIZE))  # whole batches, of about a second
    measured = "measured here" if machine.rate else "a guess until this machine is measured"
    return Defaults(
        values={
            "rows": rows,
            "concurrency": actors,
            "blocks": min(MOST_BLOCKS, math.ceil(rows / block)),
            "engine": offered(machine.device)[0].name,
        },
        reason=f"{rate:.0f} rows/s, {measured}.",
    )


def rows_in(seconds: float, rate: float, machine: Machine) -> int:
    """Return how many rows of the dataset take some seconds at a rate, as a round number."""
    return min(machine.dataset_rows, max(LEAST_ROWS, round_down(rate * seconds)))


def round_down(rows: float) -> int:
    """Return a number of rows that can be said aloud: one or two digits, then zeros."""
    step = 10 ** max(0, len(str(int(rows))) - 2)
    return int(int(rows) // step * step)
