"""What the operators of an execution report of themselves, in Ray Data's own terms.

Reads what is private to Ray: Ray is pinned exactly, and `tests/driver/test_observer.py` fails
when it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray.data._internal.execution.operators.input_data_buffer import InputDataBuffer
from ray.data._internal.execution.operators.limit_operator import LimitOperator
from ray.data._internal.execution.operators.task_pool_map_operator import TaskPoolMapOperator

from demo_server.driver.observe.execution import Reading
from demo_server.driver.observe.reporter import step_of
from demo_server.protocol.events import OperatorProgress

if TYPE_CHECKING:
    from ray.data._internal.execution.streaming_executor import StreamingExecutor

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


def working(executor: StreamingExecutor) -> list[Any]:
    """The operators in order, without the buffer that only holds the input."""
    return [op for op in executor._topology or () if not isinstance(op, InputDataBuffer)]


def is_work(executor: StreamingExecutor) -> bool:
    """False for looking at rows that are there already: `take`, `show`, `iter_batches`."""
    return any(not isinstance(operator, LimitOperator) for operator in working(executor))


def maps_in_tasks(executor: StreamingExecutor) -> bool:
    """Whether code is called in workers that go on after the run: actors end with it."""
    return any(isinstance(operator, TaskPoolMapOperator) for operator in working(executor))


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
    """Return the last operator that calls a class, else the last that calls a function, else any.

    Classes hold models; what stands before and after them are functions. The code is known to the
    logical operators that an operator was planned from.
    """
    observed = [o for o in operators if observed_code(o)]
    classes = [o for o in observed if any(isinstance(c, type) for c in observed_code(o))]
    return (classes or observed or [o for o in operators if actors(o)] or operators)[-1]


def observed_code(operator: Any) -> list[Any]:
    """Return what an operator calls and a reporter observes, in order."""
    codes = [code_of(logical) for logical in operator._logical_operators]
    return [code for code in codes if step_of(code) is not None]


def called_step(operator: Any) -> int | None:
    """Return the step that an operator calls, of several the last class's; None without one."""
    codes = observed_code(operator)
    classes = [code for code in codes if isinstance(code, type)]
    return step_of((classes or codes or [None])[-1])


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


def read(executor: StreamingExecutor) -> Reading:
    """Return what the doctor wants to know of this moment."""
    assert executor._topology is not None
    operators = working(executor)
    called, last = calling(operators), operators[-1]
    ends_in = type(last._logical_operators[-1]).__name__ if last._logical_operators else ""
    return Reading(
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
    """What the experiment expects to come out, else Ray's own estimate for the last operator."""
    if expected is not None:
        return expected
    estimate: int | None = working(executor)[-1].num_output_rows_total()
    return estimate
