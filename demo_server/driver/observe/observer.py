"""What Ray Data is doing, read from inside its scheduling loop about every 0.1 s.

Uses a private hook of Ray, `ExecutionCallback`: Ray is pinned exactly, and
`tests/driver/test_observer.py` fails when the hook changes.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ray.data._internal.execution.execution_callback import ExecutionCallback

from demo_server.driver.observe.diagnosis import Observed
from demo_server.driver.observe.execution import Execution
from demo_server.driver.observe.operators import (
    batch_size,
    called_step,
    calling,
    detail,
    is_work,
    maps_in_tasks,
    progress_of,
    read,
    total_rows,
    working,
)
from demo_server.driver.observe.stall import Stall, stall_limits
from demo_server.protocol.events import (
    OperatorProgress,
    PlanData,
    PlanOperator,
    ProgressData,
    RowsData,
)

if TYPE_CHECKING:
    from ray.data._internal.execution.streaming_executor import StreamingExecutor

    from demo_server.toolkit.context import Context

INTERVAL_S = 0.1
UNCHANGED_INTERVAL_S = 1.0
RATE_WINDOW_S = 10.0
# Several workers finish their first passes together, and only then is there a next.
RATE_LEAST_S = 1.0


class Rate:
    """Rows per second over the last ten seconds of work; what comes before the work is left out."""

    def __init__(self, now: float) -> None:
        self._points = deque([(now, 0.0)])

    def rest(self, now: float) -> None:
        """Note that nothing is at work at `now` (seconds): what has not begun begins later."""
        if self.rows == 0:
            self._points = deque([(now, 0.0)])

    def add(self, now: float, rows: float) -> None:
        """Note that `rows` were out at `now` (seconds), each row as the work that it is."""
        if rows <= self.rows:
            return
        self._points.append((now, rows))
        while self._points[1][0] <= now - RATE_WINDOW_S:
            self._points.popleft()

    @property
    def rows(self) -> float:
        """The rows that were out at last."""
        return self._points[-1][1]

    def value(self, least_s: float = RATE_LEAST_S) -> float | None:
        """None until rows have come for `least_s` seconds of work."""
        (t0, rows0), (t1, rows1) = self._points[0], self._points[-1]
        return (rows1 - rows0) / (t1 - t0) if t1 - t0 >= least_s else None


class Observation:
    """Turns the executions of one run into its `plan` and `progress` events."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._executions: list[Execution] = []
        self._rate = Rate(time.monotonic())
        self._rows = 0
        self._passed = (0, 0.0)  # rows that workers reported, and their work
        self._steps: set[int | None] = set()
        self._stall = Stall(time.monotonic(), *stall_limits())
        self._sent: tuple[list[OperatorProgress], int] | None = None
        self._sent_at = 0.0
        self.executing = False
        self.mapped_in_tasks = False  # in any of its executions

    @property
    def rows(self) -> int:
        """The rows that are out of the last operator."""
        return self._rows

    def begin(self, executor: StreamingExecutor) -> None:
        now = time.monotonic()
        self._rate, self._sent, self._sent_at = Rate(now), None, 0.0
        self._rows, self._passed = 0, (0, 0.0)
        self._stall = Stall(now, *stall_limits())
        context, called = self._context, calling(working(executor))
        self._steps.add(called_step(called))
        self._executions.append(Execution(now, context.total, batch_size(called)))
        self._read(executor, now)
        self.mapped_in_tasks |= maps_in_tasks(executor)
        self.executing = True
        context.emit(
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
        operators = self._read(executor, now)
        self._rows = operators[-1].rows
        total, rows = total_rows(executor, self._context.total), self._rows
        passed, work = self._passed
        if passed > rows and not last:
            rows = passed if total is None else min(passed, total)
        done = rows if last else rows + work - passed
        self._rate.add(now, done)
        unchanged = (operators, rows) == self._sent
        if unchanged and not last and now - self._sent_at < UNCHANGED_INTERVAL_S:
            return
        self._sent, self._sent_at = (operators, rows), now
        self.executing = not last
        if last and self._executions:
            self._executions[-1].ended = True
        # When the work is over, a shorter time will do.
        rate = self._rate.value(INTERVAL_S if last else RATE_LEAST_S)
        self._context.emit(
            ProgressData(
                rows=rows,
                total=total,
                rate=rate,
                eta_s=max(0, total - done) / rate if total is not None and rate else None,
                operators=operators,
            ),
        )

    def _read(self, executor: StreamingExecutor, now: float) -> list[OperatorProgress]:
        operators = [progress_of(executor, operator) for operator in working(executor)]
        finished = [operator.metrics.num_tasks_finished for operator in working(executor)]
        self._stall.see(now, operators, finished)
        reading = read(executor)
        self._executions[-1].add(now, reading)
        if not reading.active:
            self._rate.rest(now)
        return operators

    def overdue(self, limit: float | None = None) -> str | None:
        """Return why nothing will come any more; ask from another thread than Ray's.

        A shuffle or repartition blocks Ray's scheduling loop, and with it `step`.
        """
        if not self.executing:
            return None
        return self._stall.overdue(time.monotonic(), limit)

    def observes(self, step: int) -> bool:
        """Whether rows of this step are the run's: not those of what prepares rows for it."""
        return step in self._steps

    def receive(self, report: RowsData) -> None:
        """A worker reported rows: whatever the operators report, the pipeline works.

        Operators count whole blocks; these come after each forward pass. A worker that dies has
        its last block computed again: until others catch up, progress is ahead by part of one.
        """
        passed, work = self._passed
        self._passed = (passed + (report.batch_rows or 0), work + report.work)
        self._stall.moved(time.monotonic())
        if self._executions:
            self._executions[-1].receive(report)

    def measured(self, share: float) -> None:
        """A second is over in which `share` of the cores was in use."""
        if self._executions:
            self._executions[-1].measured(share)

    def observed(self) -> Observed | None:
        """Return what was seen of the last execution whose code reported calls.

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
