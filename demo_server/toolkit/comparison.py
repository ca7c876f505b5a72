"""One step of a comparison: a pipeline that is run and timed on the same rows as others."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
from ray.data.dataset import MaterializedDataset

from demo_server.embedding import agreement
from demo_server.protocol.errors import RunError
from demo_server.protocol.events import RowsData, StepData
from demo_server.ray_internals.worker_processes import raylet_here
from demo_server.ray_internals.workers import Activity, effort
from demo_server.toolkit.context import Context

Vectors = dict[str, np.ndarray[Any, np.dtype[np.float32]]]

PER_ROWS = 1000
WARM_UP_SHARE = 0.1
REPORTED_WITHIN_S, REPORTED_AGAIN_S = 2.0, 0.1
QUIET_S, QUIET_WITHIN_S = 1.0, 15.0
LEAST_COSINE = agreement.LEAST_COSINE["f32"]  # comparisons compute in f32


@dataclass
class Step:
    """What one step took.

    Attributes:
        name: its stage.
        title: what it is, for a slide.
        rows: how many came out.
        timed: how many of them `seconds` covers.
        seconds: from the end of the first call to the last row.
        start_s: seconds before that, in which processes start and load.
        vectors: the embedding of each row, by id.
    """

    name: str
    title: str
    rows: int
    timed: int
    seconds: float
    start_s: float
    vectors: Vectors = field(repr=False)

    @property
    def cost_s(self) -> float:
        """Seconds per 1,000 rows."""
        return self.seconds / self.timed * PER_ROWS

    def data(self) -> StepData:
        """Return what of it is shown."""
        return StepData(
            title=self.title,
            rows=self.rows,
            seconds=self.seconds,
            start_s=self.start_s,
            cost_s=self.cost_s,
            rate=self.timed / self.seconds,
        )


def take_step(
    context: Context,
    name: str,
    title: str,
    rows: int,
    pipeline: Callable[[], MaterializedDataset[Any]],
) -> tuple[Step, MaterializedDataset[Any]]:
    """Run `pipeline` in a stage of its own, which must give `rows` rows, and report it.

    The clock starts when the first call of its code is done, and that call's rows don't count: a
    process that starts, imports and warms up costs every step the same, and a step of few rows
    would be nothing else. Where that call has more than a tenth of the rows, they count.

    Raises:
        RunError: rows are missing, or no worker reported a call.
    """
    with context.staged(name):
        context.expect(rows, title)
        began = time.time()
        materialized = pipeline()
        ended = time.time()
        first = first_call(context, began)
        vectors = embeddings(materialized)
        if len(vectors) != rows:
            raise RunError(f"{title}: {len(vectors)} of {rows} rows came out.")
        started, timed = first.ended, rows - first.rows
        if first.rows > WARM_UP_SHARE * rows:
            started, timed = first.began, rows
        step = Step(name, title, rows, timed, ended - started, started - began, vectors)
        context.emit(step.data())
    return step, materialized


def wait_until_quiet(context: Context) -> None:
    """Wait until workers that were started ahead of time have imported what they shall.

    On two cores their imports would slow down what is measured. Not on another's cluster, where
    none are.
    """
    raylet = raylet_here() if context.own_head else None
    if raylet is None:
        return
    context.note("Waiting until the workers have imported their libraries.")
    wait_until_idle(raylet)


def wait_until_idle(raylet: psutil.Process) -> None:
    """Wait until the workers of this machine have used next to no CPU for `QUIET_S`."""
    deadline, activity = time.monotonic() + QUIET_WITHIN_S, Activity(time.monotonic())
    while time.monotonic() < min(deadline, activity.busy_at + QUIET_S):
        time.sleep(0.2)
        activity.see(time.monotonic(), effort(raylet))


@dataclass(frozen=True)
class Call:
    """A call of the pipeline's code; times in Unix seconds."""

    began: float
    ended: float
    rows: int


def first_call(context: Context, since: float) -> Call:
    """Return the call that began first after `since`; workers report theirs in their own time."""
    deadline = time.monotonic() + REPORTED_WITHIN_S
    while time.monotonic() < deadline:
        time.sleep(REPORTED_AGAIN_S)
        calls = [call for call in map(call_of, context.reports) if call.began >= since]
        if calls:
            return min(calls, key=lambda call: call.began)
    raise RunError("No worker reported a call: its rows can't be timed.")


def call_of(report: RowsData) -> Call:
    ended = (report.finished_at or 0) / 1000
    return Call(ended - (report.batch_seconds or 0), ended, report.batch_rows or 0)


def embeddings(dataset: MaterializedDataset[Any]) -> Vectors:
    """Return the embedding of each row by its id."""
    found: Vectors = {}
    batch: Any
    for batch in dataset.iter_batches(batch_format="numpy", batch_size=4096):
        vectors = np.stack(batch["embedding"]).astype(np.float32)
        found |= dict(zip(batch["id"], vectors, strict=True))
    return found


def lowest_cosine(vectors: Vectors, reference: Vectors) -> float:
    """Return the cosine of the row that differs most from its reference, -1 where one is NaN."""
    ours = np.stack(list(vectors.values())).astype(np.float64)
    theirs = np.stack([reference[i] for i in vectors]).astype(np.float64)
    norms = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(np.nan_to_num((ours * theirs).sum(axis=1) / norms, nan=-1.0).min())


def check_same(steps: list[Step], reference: Vectors) -> float:
    """Return the lowest cosine of any step's rows to the reference.

    Raises:
        RunError: a step gives other embeddings.
    """
    cosines = {step.title: lowest_cosine(step.vectors, reference) for step in steps}
    title = min(cosines, key=lambda one: cosines[one])
    if cosines[title] < LEAST_COSINE:
        raise RunError(f"{title}: other embeddings, cosine {cosines[title]:.5f} to the reference.")
    return cosines[title]
