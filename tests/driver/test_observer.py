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

from demo_server.driver.observe.observer import INTERVAL_S, Observation, Observer, Rate
from demo_server.driver.observe.operators import KEEP_ROWS, batch_size, calling, rows_in
from demo_server.driver.observe.reporter import observed
from demo_server.driver.observe.stall import Stall
from demo_server.protocol.events import OperatorProgress


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


def test_the_rate_excludes_the_startup() -> None:
    rate = Rate()
    rate.add(0.0, 0)
    rate.add(9.0, 100)
    assert rate.value is None
    rate.add(10.0, 300)
    assert rate.value == 200


def test_the_rate_follows_the_last_ten_seconds() -> None:
    rate = Rate()
    for second in range(1, 31):
        rate.add(float(second), 10 * second if second <= 10 else 100 + 50 * (second - 10))
    assert rate.value == pytest.approx(50)


@given(st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 10**6))))
def test_a_rate_is_never_negative(points: list[tuple[float, int]]) -> None:
    rate = Rate()
    for now, rows in sorted(points, key=lambda point: point[0]):
        rate.add(now, max(rows, rate.rows))
    assert rate.value is None or rate.value >= 0


def test_progress_counts_forward_passes_before_their_block_is_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = Emitting(total=100)
    observation = Observation(context)  # type: ignore[arg-type]
    out = 0
    monkeypatch.setattr(Observation, "_read", lambda *_: [operator(rows=out)])
    executor: Any = None
    observation.step(executor, last=True)
    observation.moved(30)
    time.sleep(INTERVAL_S)
    observation.step(executor)
    assert observation.rows == 0, "a guard counts what is really out"
    observation.moved(90)
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
