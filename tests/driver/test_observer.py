"""What is told about a running pipeline; the parts that need no Ray."""

from __future__ import annotations

import inspect
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.data._internal.execution.execution_callback import ExecutionCallback
from ray.data._internal.execution.interfaces.op_runtime_metrics import OpRuntimeMetrics
from ray.data._internal.execution.interfaces.physical_operator import PhysicalOperator
from ray.data._internal.execution.streaming_executor import StreamingExecutor
from ray.data._internal.logical import operators as logical

from demo_server.driver.observe import observer
from demo_server.driver.observe.observer import (
    INTERVAL_S,
    RATE_WINDOW_S,
    Observation,
    Observer,
    Rate,
)
from demo_server.driver.observe.operators import KEEP_ROWS, batch_size, calling, rows_in
from demo_server.driver.observe.reporter import observed
from demo_server.driver.observe.stall import Stall
from demo_server.protocol.events import OperatorProgress, RowsData


class Emitting:
    """A run's context that keeps what is sent."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.sent: list[Any] = []

    def emit(self, data: Any) -> None:
        self.sent.append(data)


def operator(rows: int = 0, queued: int = 0, tasks: int = 0, actors: int = 0) -> OperatorProgress:
    return OperatorProgress(
        name="MapBatches(TextEmbedder)",
        rows=rows,
        blocks=rows,
        queued_blocks=queued,
        active_tasks=tasks,
        actors=actors,
    )


def report(rows: int, work: float | None = None) -> RowsData:
    return RowsData(rows=[], batch_rows=rows, work=rows if work is None else work)


def test_the_rate_excludes_the_startup() -> None:
    rate = Rate(0.0)
    for second in range(1, 10):
        rate.rest(float(second))
    rate.add(11.0, 400)
    assert rate.value() == 200


def test_there_is_no_rate_before_rows_have_come_for_a_second_of_work() -> None:
    rate = Rate(0.0)
    rate.add(0.1, 100)
    rate.add(0.9, 300)
    assert rate.value() is None
    rate.add(1.0, 310)
    assert rate.value() == 310


def test_work_that_is_over_sooner_has_a_rate_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    running = Running(monkeypatch, total=30)
    monkeypatch.setattr(Observation, "_read", lambda *_: [operator(rows=30)])
    for _ in range(3):
        running.step()
    assert running.rates == []
    running.observation.step(None, last=True)  # type: ignore[arg-type]
    assert running.rates == [pytest.approx(300, rel=0.01)]


def test_work_that_pauses_does_not_begin_again() -> None:
    rate = Rate(0.0)
    rate.add(2.0, 100)
    rate.rest(3.0)
    rate.add(4.0, 200)
    assert rate.value() == 50


def test_the_rate_follows_the_last_ten_seconds() -> None:
    rate = Rate(0.0)
    for second in range(1, 31):
        rate.add(float(second), 10 * second if second <= 10 else 100 + 50 * (second - 10))
    assert rate.value() == pytest.approx(50)


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 10**6))))
def test_a_rate_is_never_negative(points: list[tuple[float, float]]) -> None:
    rate = Rate(0.0)
    for now, rows in sorted(points, key=lambda point: point[0]):
        rate.add(now, rows)
    assert rate.value() is None or rate.value() >= 0


class Running:
    """What a pipeline looks like at each step of Ray Data's loop, in a time of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, total: int) -> None:
        self.now = 100.0
        self.context = Emitting(total)
        monkeypatch.setattr(observer, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(Observation, "_read", self._read)
        self.observation = Observation(self.context)  # type: ignore[arg-type]

    def _read(self, _executor: Any, _now: float) -> list[Any]:
        return [operator()]

    def step(self) -> None:
        self.now += INTERVAL_S + 1e-6
        self.observation.step(None)  # type: ignore[arg-type]

    @property
    def rates(self) -> list[float]:
        return [sent.rate for sent in self.context.sent if sent.rate is not None]


@given(
    workers=st.integers(1, 8),
    period=st.floats(0.05, 2.0),
    rows=st.integers(1, 500),
    apart=st.floats(0, 0.2),
)
def test_the_rate_of_steady_blocks_is_never_far_above_their_mean(
    workers: int, period: float, rows: int, apart: float
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        running = Running(monkeypatch, 10**9)
        began = running.now
        # Each worker finishes a block in each period, all in quick succession.
        due = [
            (n + 1) * period + apart * w for n in range(int(25 / period)) for w in range(workers)
        ]
        due.sort()
        while running.now < began + 25:
            running.step()
            while due and due[0] <= running.now - began:
                running.observation.receive(report(rows))
                due.pop(0)
        true = workers * rows / period
        assert running.rates
        assert max(running.rates) <= true * (1 + period / RATE_WINDOW_S) * 1.02
        assert running.rates[-1] >= true * 0.6


@pytest.mark.parametrize("longest_first", [False, True])
def test_the_rate_and_the_time_left_allow_for_rows_that_come_by_length(
    longest_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = sorted((0.25 + n / 100 for n in range(100)), reverse=longest_first)
    scale = 100 / sum(work)
    running = Running(monkeypatch, total=1000)
    began = running.now
    for share in work:  # of ten rows each; the average one takes a second
        for _ in range(round(10 * share * scale) - 1):
            running.step()
        running.observation.receive(report(10, 10 * share * scale))
        running.step()
        sent = running.context.sent[-1]
        if sent.rate is not None:
            left = 100 - (running.now - began)
            assert sent.rate == pytest.approx(10, rel=0.25)
            assert sent.eta_s == pytest.approx(left, abs=20)
    assert len(running.rates) > 90


def test_progress_counts_forward_passes_before_their_block_is_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = Emitting(total=100)
    observation = Observation(context)  # type: ignore[arg-type]
    out = 0
    monkeypatch.setattr(Observation, "_read", lambda *_: [operator(rows=out)])
    executor: Any = None
    observation.step(executor, last=True)
    observation.receive(report(30))
    time.sleep(INTERVAL_S)
    observation.step(executor)
    assert observation.rows == 0, "a guard counts what is really out"
    observation.receive(report(90))
    time.sleep(INTERVAL_S)
    observation.step(executor)
    out = 100
    observation.step(executor, last=True)
    assert [progress.rows for progress in context.sent] == [0, 30, 100, 100]
    assert observation.rows == 100


def test_a_pipeline_that_moves_is_not_overdue() -> None:
    stall = Stall(0.0, stall_s=60, busy_stall_s=300)
    for second in range(0, 1000, 50):
        stall.see(float(second), [operator(rows=second)], [0])
        assert stall.overdue(second + 49.0) is None


def test_tasks_that_finish_without_rows_count_as_movement() -> None:
    stall = Stall(0.0, stall_s=60, busy_stall_s=300)
    for second in range(0, 1000, 50):
        stall.see(float(second), [operator()], [second])
        assert stall.overdue(second + 49.0) is None


def test_a_stalled_pipeline_is_overdue_with_a_reason() -> None:
    stall = Stall(0.0, stall_s=60, busy_stall_s=300)
    stall.see(1.0, [operator(queued=7, tasks=2)], [0])
    stall.see(60.0, [operator(queued=7, tasks=2)], [0])
    assert stall.overdue(60.9) is None
    reason = stall.overdue(61.0)
    assert reason is not None
    assert "no progress for 60 s: 0 rows are out of MapBatches(TextEmbedder)" in reason


def test_a_pipeline_without_readings_becomes_overdue() -> None:
    stall = Stall(0.0, stall_s=60, busy_stall_s=300)
    stall.see(0.0, [operator(queued=1)], [0])
    assert stall.overdue(59.0) is None
    assert stall.overdue(60.0) is not None


def test_an_actor_that_has_work_may_take_longer_for_one_batch() -> None:
    stall = Stall(0.0, stall_s=60, busy_stall_s=300)
    stall.see(1.0, [operator(tasks=1, actors=1)], [0])
    assert stall.overdue(300.0) is None
    assert stall.overdue(301.0) is not None


def test_rows_that_a_worker_reported_count_as_movement() -> None:
    stall = Stall(0.0, stall_s=60, busy_stall_s=300)
    stall.see(1.0, [operator()], [0])
    stall.moved(59.0)
    assert stall.overdue(100.0) is None


def test_the_execution_callback_has_the_expected_hooks() -> None:
    """A private interface: a Ray that changes it must not be taken unseen."""
    hooks = {name for name in vars(ExecutionCallback) if not name.startswith("_")}
    ours = {name for name in vars(Observer) if not name.startswith("_")}
    assert ours == hooks
    for name in hooks:
        theirs = list(inspect.signature(getattr(ExecutionCallback, name)).parameters)
        assert list(inspect.signature(getattr(Observer, name)).parameters) == theirs
    source = inspect.getsource(StreamingExecutor)
    assert "self._topology" in source
    assert "callback.on_execution_step(self)" in source


class Operator:
    """One of Ray's, as planned from logical ones."""

    def __init__(self, *steps: Any, actors: int = 0, rows: int = 0) -> None:
        self._logical_operators = steps
        self.metrics = SimpleNamespace(num_row_inputs_received=rows, row_outputs_taken=rows)
        self.get_actor_info = lambda: SimpleNamespace(running=actors, pending=0, restarting=0)


def step(name: str, *, source: bool = False, **known: Any) -> Any:
    """A logical operator of that name."""
    return type(name, (), {"input_dependencies": [] if source else [object()], **known})()


def test_the_operator_of_the_calls_is_the_live_one_else_the_last_of_actors() -> None:
    plain, actors = Operator(step("Repartition")), Operator(step("MapBatches"), actors=2)
    watched = Operator(step("MapBatches", fn=observed(len)))
    assert calling([plain, watched, actors, plain]) is watched
    assert calling([plain, actors, plain]) is actors
    assert calling([Operator(step("Read")), plain]) is plain


def test_the_batch_size_is_what_the_pipeline_asked_for() -> None:
    asked = step("MapBatches", fn=len, batch_size=64)
    assert batch_size(Operator(asked, step("StreamingRepartition"))) == 64
    assert batch_size(Operator(step("MapRows", fn=len))) == 1
    assert batch_size(Operator(step("MapBatches", fn=len, batch_size=None))) is None
    assert batch_size(Operator(step("MapBatches", fn=len, batch_size="auto"))) is None
    assert batch_size(Operator(step("Repartition"))) is None


def test_rows_in_are_known_unless_a_step_changes_their_number() -> None:
    read, mapped = step("Read", source=True), step("MapBatches")
    assert rows_in([Operator(step("Repartition"), rows=9), Operator(mapped)]) == 9
    assert rows_in([Operator(read, rows=7), Operator(mapped)]) == 7
    assert rows_in([Operator(read, mapped, rows=7)]) is None
    assert rows_in([Operator(step("Filter"), rows=9), Operator(mapped)]) is None


def test_rays_operators_have_the_fields_that_the_doctor_reads() -> None:
    assert "_logical_operators" in inspect.getsource(PhysicalOperator)
    assert "self._inputs_complete = True" in inspect.getsource(PhysicalOperator)
    assert hasattr(OpRuntimeMetrics, "num_row_inputs_received")
    fields = logical.MapBatches.__dataclass_fields__
    assert {"fn", "batch_size", "input_dependencies"} <= set(fields)
    assert "fn" in logical.MapRows.__dataclass_fields__
    assert {name for name in KEEP_ROWS if not hasattr(logical, name)} == set()
