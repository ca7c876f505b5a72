"""Kill a worker."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import ray
from pydantic import Field, JsonValue
from ray.data import ActorPoolStrategy
from ray.data.dataset import MaterializedDataset

from demo_server.embedding.registry import LIBRARY
from demo_server.embedding.sentence_transformer import TextEmbedder
from demo_server.experiments.embed import GUESSED_RATE, rows_in
from demo_server.protocol.events import Figure
from demo_server.ray_internals.actors import actors
from demo_server.toolkit.context import Context, Defaults, Machine, Needs, Parameters, RunError
from demo_server.toolkit.rows import MOST_BLOCKS, load_chosen

Action = Callable[[dict[str, JsonValue]], None]

RUN_S = 20.0
BATCH_SIZE = 64
POLL_S = 0.05


class Params(Parameters):
    rows: int = Field(2000, ge=1, le=10_000_000, description="rows of the dataset to embed")
    batch_size: int = Field(BATCH_SIZE, ge=1, le=4096, description="rows of one call of the model")
    blocks: int = Field(32, ge=1, le=MOST_BLOCKS, description="parts that the dataset is cut into")


needs = Needs(actors=1, task_cpus=0)
actions = ["kill_worker"]
preloads = [LIBRARY]


def run(params: Params, context: Context) -> None:
    """Embed rows with one actor that may be killed, and count what came out."""
    model, column = context.model, context.source.text_column
    threads, gpus = context.threads(actors=1), context.gpus_per_actor(1)
    dataset = load_chosen(context, params.rows)
    context.expect(len(dataset))
    with Recovery(context) as recovery:
        # region kill
        def kill_worker(_: dict[str, JsonValue]) -> None:
            os.kill(recovery.worker, signal.SIGKILL)

        # endregion kill
        context.actions["kill_worker"] = recovery.timed(kill_worker)
        # fmt: off
        # region pipeline
        ds = ray.data.from_huggingface(
            dataset, override_num_blocks=params.blocks)
        ds = ds.map_batches(
            TextEmbedder,
            fn_constructor_kwargs={
                "model": model, "column": column,
                "threads": threads},
            batch_size=params.batch_size, batch_format="pyarrow",
            compute=ActorPoolStrategy(size=1),
            num_gpus=gpus,
        )
        materialized = ds.materialize()
        # endregion pipeline
        # fmt: on
    missing, twice = account(materialized, dataset["id"])
    once = Figure(name="rows_once", label="rows, each exactly once", value=len(dataset) - missing)
    recovery.report(once)
    if missing or twice:
        raise RunError(f"{missing} rows are missing and {twice} came more than once.")


class Recovery:
    """Times what passes from the death of an actor to the first rows of its successor."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kills = 0
        self._seconds: float | None = None
        self._under_way, self._over = threading.Lock(), threading.Event()
        self.worker = 0

    def __enter__(self) -> Recovery:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.actions.clear()
        self._over.set()

    def timed(self, kill: Action) -> Action:
        """Return an action that kills the actor whose rows came last, unless it is gone."""

        def act(args: dict[str, JsonValue]) -> None:
            worker = int((self._context.worker or ":0").rpartition(":")[2])
            # Memory is known of processes on this machine only: those can be killed.
            here = [actor.pid for actor in actors() if actor.memory_bytes]
            if worker not in here or not self._under_way.acquire(blocking=False):
                self._context.note("No actor is at work now: wait for the next rows.")
                return
            self.worker, self._kills = worker, self._kills + 1
            self._context.note(f"kill -9 {self.worker}")
            began = time.perf_counter()
            kill(args)
            threading.Thread(target=self._wait, args=(began,), name="recovery", daemon=True).start()

        return act

    def _wait(self, began: float) -> None:
        """Wait for rows of another process."""
        killed = f":{self.worker}"
        while (self._context.worker or killed).endswith(killed):
            if self._over.wait(POLL_S):
                return
        self._seconds = time.perf_counter() - began
        self._context.note(f"Process {self._context.worker} has taken over.")
        self.report()
        self._under_way.release()

    def report(self, *more: Figure) -> None:
        """Show the figures so far."""
        figures = [Figure(name="kills", label="workers killed", value=self._kills)]
        if self._seconds is not None:
            label = "from kill to next rows"
            figures.append(Figure(name="recovery_s", label=label, value=self._seconds, unit="s"))
        self._context.figures(*figures, *more)


def account(dataset: MaterializedDataset[Any], ids: list[Any]) -> tuple[int, int]:
    """Return how many rows of `ids` are missing in `dataset`, and how many came too often.

    A dataset may have an id more than once.
    """
    found: Counter[str] = Counter()
    batch: Any
    for batch in dataset.iter_batches(batch_format="pyarrow", batch_size=4096):
        found.update(map(str, batch["id"].to_pylist()))
    wanted = Counter(map(str, ids))
    return (wanted - found).total(), (found - wanted).total()


def defaults(machine: Machine) -> Defaults:
    """About 20 s of work, in blocks of one batch: a kill costs no more than one."""
    rows = rows_in(RUN_S, machine.rate or GUESSED_RATE, machine)
    blocks = min(MOST_BLOCKS, math.ceil(rows / BATCH_SIZE))
    return Defaults(
        values={"rows": rows, "blocks": blocks},
        reason=f"{rows} rows in {blocks} blocks of {BATCH_SIZE}: a kill repeats at most one block.",
    )
