"""What Ray Data is doing, read from inside its scheduling loop about every 0.1 s.

Uses a private hook of Ray, `ExecutionCallback`: Ray is pinned exactly, and
`tests/test_observe.py` fails when the hook changes.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ray.data._internal.execution.execution_callback import ExecutionCallback
from ray.data._internal.execution.operators.input_data_buffer import InputDataBuffer
from ray.data._internal.execution.operators.limit_operator import LimitOperator

from demo_server.driver.doctor import Observed
from demo_server.driver.execution import Execution, Look
from demo_server.driver.live import is_live
from demo_server.protocol import OperatorProgress, PlanData, PlanOperator, ProgressData, RowsData

if TYPE_CHECKING:
    from ray.data._internal.execution.streaming_executor import StreamingExecutor

    from demo_server.driver.experiment import Context

INTERVAL_S = 0.1
UNCHANGED_INTERVAL_S = 1.0
RATE_WINDOW_S = 10.0
STALL_S = 60.0
# An actor that has work may be in one long batch: it gets longer.
BUSY_STALL_S = 300.0
# Ray's operators out of which come as many rows as go in; of functions we believe it.
KEEP_ROWS = {
    "MapBatches",
    "MapRows",
    "Project",
    "RandomizeBlocks",
    "RandomShuffle",
    "Repartition",
    "Sort",
    "StreamingRepartition",
}


class StalledError(Exception):
    """Nothing moved in a pipeline for so long that it never will."""


class Rate:
    """Rows per second over the last ten seconds of output, start-up left out."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()

    def add(self, now: float, rows: int) -> None:
        """Note that `rows` were out at `now` (seconds)."""
        if rows == 0 or (self._points and self._points[-1][1] == rows):
            return
        self._points.append((now, rows))
        while len(self._points) > 2 and self._points[0][0] < now - RATE_WINDOW_S:
            self._points.popleft()

    @property
    def rows(self) -> int:
        """The rows that were out at last."""
        return self._points[-1][1] if self._points else 0

    @property
    def value(self) -> float | None:
        """None until rows came out twice."""
        if len(self._points) < 2:
            return None
        (t0, rows0), (t1, rows1) = self._points[0], self._points[-1]
        return (rows1 - rows0) / (t1 - t0) if t1 > t0 else None


class Stall:
    """Tells a pipeline that is slow from one that waits for what never comes."""

    def __init__(
        self, now: float, stall_s: float = STALL_S, busy_stall_s: float = BUSY_STALL_S
    ) -> None:
        self._moved_at = now
        self._operators: list[OperatorProgress] = []
        self._seen: object = None
        self._stall_s, self._busy_stall_s = stall_s, busy_stall_s

    def moved(self, now: float) -> None:
        """Something came out of it at `now` (seconds)."""
        self._moved_at = now

    def see(self, now: float, operators: list[OperatorProgress], finished: list[int]) -> None:
        """Compare rows, blocks and finished tasks with the last look."""
        self._operators = operators
        seen = ([(o.rows, o.blocks, o.queued_blocks) for o in operators], finished)
        if seen != self._seen:
            self._seen = seen
            self.moved(now)

    def overdue(self, now: float, limit: float | None = None) -> str | None:
        """Return what it waits for if nothing has moved for too long, else None.

        `limit` in seconds; without one it depends on whether an actor has work.
        """
        busy = any(o.actors and o.active_tasks for o in self._operators)
        if limit is None:
            limit = self._busy_stall_s if busy else self._stall_s
        if now - self._moved_at < limit:
            return None
        return waiting_for(self._operators, limit)


def waiting_for(operators: list[OperatorProgress], seconds: float) -> str:
    """Return a sentence: what stands still, and how far it came."""
    unfinished = [o for o in operators if o.total_rows is None or o.rows < o.total_rows]
    rows = " and ".join(f"{o.rows:,} rows are out of {o.name}" for o in unfinished or operators)
    return f"The pipeline made no progress for {seconds:.0f} s: {rows}."


class Observation:
    """Turns the executions of one run into its `plan` and `progress` events."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._executions: list[Execution] = []
        self._rate = Rate()
        self._rows = self._passed = 0
        self._stall = Stall(time.monotonic(), *stall_limits())
        self._sent: list[OperatorProgress] | None = None
        self._sent_at = 0.0
        self.executing = False

    @property
    def rows(self) -> int:
        """The rows that are out of the last operator."""
        return self._rows

    def begin(self, executor: StreamingExecutor) -> None:
        now = time.monotonic()
        self._rate, self._sent, self._sent_at = Rate(), None, 0.0
        self._rows = self._passed = 0
        self._stall = Stall(now, *stall_limits())
        context = self._context
        self._executions.append(
            Execution(now, context.total, batch_size(calling(working(executor))))
        )
        self._look(executor, now)
        self.executing = True
        context.emit(
            "plan",
            PlanData(
                operators=[
                    PlanOperator(name=operator.name, detail=detail(operator))
                    for operator in working(executor)
                ],
                total_rows=total_rows(executor, context.total),
                dataset_rows=context.source.rows,
                device=context.device,
                reason=context.reason,
            ),
        )

    def step(self, executor: StreamingExecutor, *, last: bool = False) -> None:
        """Send progress if it is time to."""
        now = time.monotonic()
        if not last and now - self._sent_at < INTERVAL_S:
            return
        operators = self._look(executor, now)
        self._rows = operators[-1].rows
        total, rows = total_rows(executor, self._context.total), self._rows
        if self._passed > rows and not last:
            rows = self._passed if total is None else min(self._passed, total)
        unchanged = operators == self._sent and rows == self._rate.rows
        self._rate.add(now, rows)
        if unchanged and not last and now - self._sent_at < UNCHANGED_INTERVAL_S:
            return
        self._sent, self._sent_at = operators, now
        self.executing = not last
        if last and self._executions:
            self._executions[-1].ended = True
        rate = self._rate.value
        self._context.emit(
            "progress",
            ProgressData(
                rows=rows,
                total=total,
                rate=rate,
                eta_s=max(0, total - rows) / rate if total is not None and rate else None,
                operators=operators,
            ),
        )

    def _look(self, executor: StreamingExecutor, now: float) -> list[OperatorProgress]:
        operators = [progress_of(executor, operator) for operator in working(executor)]
        finished = [operator.metrics.num_tasks_finished for operator in working(executor)]
        self._stall.see(now, operators, finished)
        self._executions[-1].see(now, look(executor))
        return operators

    def overdue(self, limit: float | None = None) -> str | None:
        """Return why nothing will come any more; ask from another thread than Ray's.

        A shuffle or repartition blocks Ray's scheduling loop, and with it `step`.
        """
        if not self.executing:
            return None
        return self._stall.overdue(time.monotonic(), limit)

    def moved(self, rows: int) -> None:
        """A worker reported `rows`: whatever the operators say, the pipeline works.

        Operators count whole blocks; these come after each forward pass. A worker that dies has
        its last block computed again: until others catch up, progress is ahead by part of one.
        """
        self._passed += rows
        self._stall.moved(time.monotonic())

    def heard(self, told: RowsData) -> None:
        """A worker told of rows: they have moved, and the doctor wants to know the rest."""
        self.moved(told.batch_rows or 0)
        if self._executions:
            self._executions[-1].heard(told)

    def measured(self, share: float) -> None:
        """A second is over in which `share` of the cores was in use."""
        if self._executions:
            self._executions[-1].measured(share)

    def observed(self) -> Observed | None:
        """Return what was seen of the last execution that called code in `live`.

        Where none did, of the last; None where there was none.
        """
        if not self._executions:
            return None
        called = [execution for execution in self._executions if execution.calls]
        seen, context = (called or self._executions)[-1], self._context
        return Observed(
            models=seen.models,
            workers=len(seen.workers),
            calls=seen.calls,
            rows=seen.rows,
            batch_size=seen.batch_size,
            tokens=seen.tokens,
            padding=seen.padding,
            device=context.device,
            cores=context.cores,
            here=context.own_head,
            busy=sum(seen.shares) / len(seen.shares) if seen.shares else None,
            seen_s=seen.seen_s,
            waited_s=seen.waited_s,
            queued=seen.queued,
            rows_in=seen.rows_in if seen.expected is None else seen.expected,
            rows_out=seen.rows_out,
            dropped=context.dropped,
        )


_current: Observation | None = None


@contextmanager
def observing(context: Context) -> Iterator[Observation]:
    """Report every execution that this process starts within the block."""
    global _current
    _current = Observation(context)
    try:
        yield _current
    finally:
        _current = None


class Observer(ExecutionCallback):
    """What Ray Data calls; it makes one for each execution.

    Ray calls `before` and `after` from the thread that consumes, and the steps from its own.
    """

    def before_execution_starts(self, executor: StreamingExecutor) -> None:
        self._observation = _current if is_work(executor) else None
        if self._observation:
            self._observation.begin(executor)

    def on_execution_step(self, executor: StreamingExecutor) -> None:
        if self._observation:
            self._observation.step(executor)

    def after_execution_succeeds(self, executor: StreamingExecutor) -> None:
        if self._observation:
            self._observation.step(executor, last=True)

    def after_execution_fails(self, executor: StreamingExecutor, error: Exception) -> None:
        if self._observation:
            self._observation.step(executor, last=True)


def install() -> None:
    """Have Ray Data call an `Observer`; before the first execution of the process."""
    os.environ["RAY_DATA_EXECUTION_CALLBACKS"] = f"{__name__}.{Observer.__name__}"


def stall_limits() -> tuple[float, float]:
    """Seconds without progress that end a run, and the same while an actor has work."""
    stall_s = float(os.environ.get("DEMO_STALL_S", STALL_S))
    return stall_s, max(stall_s, BUSY_STALL_S if stall_s == STALL_S else stall_s)


def working(executor: StreamingExecutor) -> list[Any]:
    """The operators in order, without the buffer that only holds the input."""
    return [op for op in executor._topology or () if not isinstance(op, InputDataBuffer)]


def is_work(executor: StreamingExecutor) -> bool:
    """False for looking at rows that are there already: `take`, `show`, `iter_batches`."""
    return any(not isinstance(operator, LimitOperator) for operator in working(executor))


def detail(operator: Any) -> str | None:
    """Return what Ray holds for one worker of an operator, e.g. `1 actor of 1 CPU`."""
    count = actors(operator)
    if not count:
        return None
    cpus = operator.incremental_resource_usage().cpu or operator.per_task_resource_allocation().cpu
    return f"{count} actor{'s' if count > 1 else ''}" + (f" of {cpus:g} CPU" if cpus else "")


def actors(operator: Any) -> int:
    """Return how many an operator has, those that only start included."""
    pool = operator.get_actor_info()
    count: int = pool.running + pool.pending + pool.restarting
    return count


def progress_of(executor: StreamingExecutor, operator: Any) -> OperatorProgress:
    assert executor._topology is not None
    state = executor._topology[operator]
    return OperatorProgress(
        name=operator.name,
        rows=operator.metrics.row_outputs_taken,
        total_rows=operator.num_output_rows_total(),
        blocks=operator.metrics.block_outputs_taken,
        queued_blocks=state.total_enqueued_input_blocks(),
        active_tasks=operator.num_active_tasks(),
        actors=operator.get_actor_info().running,
    )


def calling(operators: list[Any]) -> Any:
    """Return the operator that calls what stands in `live`, else the last of actors, else the last.

    Its code is known to the logical operators that it was planned from.
    """
    lives = [o for o in operators if any(is_live(code_of(step)) for step in o._logical_operators)]
    return (lives or [o for o in operators if actors(o)] or operators)[-1]


def code_of(logical: Any) -> Any:
    """Return the function or class that a logical operator maps with, None where it has none."""
    return getattr(logical, "fn", None)


def batch_size(operator: Any) -> int | None:
    """Return the rows that a call is to get, 1 for code that takes rows; None where Ray chooses."""
    for logical in reversed(operator._logical_operators):
        if code_of(logical) is not None:
            size = getattr(logical, "batch_size", 1)
            return size if isinstance(size, int) else None
    return None


def look(executor: StreamingExecutor) -> Look:
    """Return what the doctor wants to know of this moment."""
    assert executor._topology is not None
    operators = working(executor)
    called, last = calling(operators), operators[-1]
    ends_in = type(last._logical_operators[-1]).__name__ if last._logical_operators else ""
    return Look(
        active=called.num_active_tasks(),
        workers=max(1, called.get_actor_info().running),
        queued=executor._topology[called].total_enqueued_input_blocks(),
        more=not called._inputs_complete,
        rows_in=rows_in(operators),
        rows_out=None if ends_in == "Write" else last.metrics.row_outputs_taken,
    )


def rows_in(operators: list[Any]) -> int | None:
    """Return the rows that went in, None where another number of them may come out."""
    first, *rest = operators
    reads = any(not logical.input_dependencies for logical in first._logical_operators)
    if reads and len(first._logical_operators) > 1:  # in one step with what comes after it
        return None
    steps = [s for o in (rest if reads else operators) for s in o._logical_operators]
    if any(type(step).__name__ not in KEEP_ROWS for step in steps):
        return None
    rows: int = first.metrics.row_outputs_taken if reads else first.metrics.num_row_inputs_received
    return rows


def total_rows(executor: StreamingExecutor, expected: int | None) -> int | None:
    """What the experiment said will come out, else Ray's own estimate for the last operator."""
    if expected is not None:
        return expected
    estimate: int | None = working(executor)[-1].num_output_rows_total()
    return estimate
