"""What the doctor says of what was seen: each check both ways, and never more than was seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_server.driver.observe import diagnosis
from demo_server.driver.observe.diagnosis import Observed, check
from demo_server.driver.observe.execution import Execution, Reading
from demo_server.embedding import counters
from demo_server.protocol.events import QUESTIONS, Check, RowsData

NAMES = ["loaded", "busy", "full", "padded", "fed", "complete"]
WELL = Observed(
    models=1,
    workers=1,
    calls=2,
    rows=2048,
    batch_size=1024,
    tokens=9700,
    padding=300,
    cores=2,
    busy=0.97,
    seen_s=8.0,
    waited_s=0.1,
    queued=1,
    rows_in=2048,
    rows_out=2048,
)


def one(name: str, **changes: Any) -> Check:
    return next(c for c in check(replace(WELL, **changes)) if c.name == name)


def figure(name: str, **changes: Any) -> tuple[Any, str | None, str]:
    found = one(name, **changes).figure
    assert found
    return found.value, found.unit, found.label


def test_an_efficient_run_passes_all_six_checks() -> None:
    assert [c.name for c in check(WELL)] == NAMES
    assert {c.state for c in check(WELL)} == {"ok"}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("loaded", {"models": 2048}),
        ("loaded", {"models": 3, "workers": 2}),
        ("busy", {"busy": 0.5}),
        ("full", {"calls": 32}),
        ("full", {"calls": 2048, "batch_size": 1}),
        ("full", {"calls": 1024, "batch_size": 2}),
        ("padded", {"padding": 9700}),
        ("fed", {"waited_s": 4.0}),
        ("complete", {"rows_out": 2047}),
        ("complete", {"rows_out": 2049}),
        ("complete", {"dropped": 1}),
    ],
)
def test_each_problem_is_reported_and_no_other(name: str, changes: dict[str, Any]) -> None:
    wrong = [c.name for c in check(replace(WELL, **changes)) if c.state == "warn"]
    assert wrong == [name]


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        ("loaded", {"models": 0}, "counters.loaded"),
        ("loaded", {"calls": 0}, "No call was observed"),
        ("busy", {"busy": None}, "two seconds"),
        ("busy", {"here": False}, "other machines"),
        ("busy", {"device": "cuda"}, "cuda"),
        ("full", {"calls": 0}, "No call was observed"),
        ("full", {"batch_size": None}, "Ray chooses"),
        ("padded", {"tokens": 0, "padding": 0}, "counters.passed"),
        ("padded", {"calls": 0}, "No call was observed"),
        ("fed", {"seen_s": 0.1}, "short"),
        ("complete", {"rows_in": None}, "context.expect"),
        ("complete", {"rows_out": None}, "write"),
    ],
)
def test_unmeasured_checks_are_unknown_with_a_reason(
    name: str, changes: dict[str, Any], why: str
) -> None:
    found = one(name, **changes)
    assert (found.state, found.figure) == ("unknown", None)
    assert why in (found.reason or "")


def test_the_figures_are_those_of_the_run() -> None:
    assert figure("loaded", models=12) == (12, "loads", "in 1 process")
    assert figure("busy") == (97.0, "%", "of 2 cores")
    assert figure("full") == (1024.0, "rows", "a call, of 1,024")
    assert figure("padded") == (3.0, "%", "of all tokens")
    assert figure("fed", waited_s=2.0) == (25.0, "%", "waited; 1 block queued")
    assert figure("complete", rows_out=2040, dropped=7) == (1, "row", "lost, of 2,048")
    assert figure("complete", rows_out=2050) == (2, "rows", "too many, of 2,048")


def test_each_question_is_answered_in_the_order_in_which_the_slide_asks() -> None:
    assert {one.name: one.question for one in check(WELL)} == QUESTIONS
    assert [one.question for one in check(Observed())] == [*QUESTIONS.values()]


def test_each_process_may_load_the_model_once() -> None:
    assert one("loaded", models=4, workers=4).state == "ok"


def test_one_call_that_holds_every_row_is_full() -> None:
    assert one("full", calls=1, rows=12, batch_size=1024).state == "ok"


def test_rows_left_out_on_purpose_are_not_lost() -> None:
    assert one("complete", rows_out=2040, dropped=8).state == "ok"


counts = st.integers(0, 10**6)
maybe = st.none() | counts
seconds = st.floats(0, 1e4)
anything = st.builds(
    Observed,
    models=counts,
    workers=counts,
    calls=counts,
    rows=counts,
    batch_size=st.none() | st.integers(1, 10**5),
    tokens=counts,
    padding=counts,
    device=st.sampled_from(["cpu", "mps", "cuda"]),
    cores=st.integers(1, 256),
    here=st.booleans(),
    busy=st.none() | st.floats(0, 1),
    seen_s=seconds,
    waited_s=seconds,
    queued=counts,
    rows_in=maybe,
    rows_out=maybe,
    dropped=counts,
)


@given(anything)
def test_every_check_has_a_figure_or_a_reason(seen: Observed) -> None:
    found = check(seen)
    assert [c.name for c in found] == NAMES
    for c in found:
        assert c.question.endswith("?")
        assert c.fix
        assert (c.figure is None) == (c.state == "unknown") == (c.reason is not None)
        if c.figure:
            assert isinstance(c.figure.value, (int, float))
            assert c.figure.value >= 0


@given(anything)
def test_rows_are_lost_only_where_some_are_missing(seen: Observed) -> None:
    found = diagnosis.complete(seen)
    if found.figure is None or seen.rows_in is None or seen.rows_out is None:
        return
    missing = seen.rows_in - seen.rows_out - seen.dropped
    assert found.figure.value == abs(missing)
    assert (found.figure.name == "rows_lost") == (missing >= 0)
    assert (found.state == "ok") == (missing == 0)


@given(st.lists(st.lists(st.integers(1, 512), min_size=1, max_size=20), max_size=10))
def test_counters_count_each_pass_once(passes: list[list[int]]) -> None:
    counters.take()
    for lengths in passes:
        counters.passed(lengths)
    taken = counters.take()
    assert taken["tokens"] == sum(map(sum, passes))
    assert taken["padding"] == sum(len(p) * max(p) - sum(p) for p in passes)
    assert set(counters.take().values()) == {0}


def reading(active: int, workers: int = 1, queued: int = 0, *, more: bool = True) -> Reading:
    return Reading(active, workers, queued, more, rows_in=100, rows_out=0)


def rows(**counts: Any) -> RowsData:
    return RowsData(rows=[], **{"calls": 1, "batch_rows": 10, "worker": "here:1", **counts})


def test_waiting_is_not_counted_before_the_first_rows() -> None:
    execution = Execution(now=0.0)
    execution.add(0.4, reading(0))
    assert (execution.seen_s, execution.waited_s) == (0.0, 0.0)


def test_workers_without_a_task_wait_while_blocks_may_come() -> None:
    execution = Execution(now=0.0)
    execution.receive(rows())
    execution.add(0.4, reading(active=4, workers=4, queued=3))
    execution.add(0.8, reading(active=1, workers=4, queued=1))
    execution.add(1.2, reading(active=0, workers=4))
    assert execution.seen_s == pytest.approx(1.2)
    assert execution.waited_s == pytest.approx(0.3 + 0.4)
    assert execution.queued == 3


def test_nobody_waits_at_the_end_where_nothing_is_left() -> None:
    execution = Execution(now=0.0)
    execution.receive(rows())
    execution.add(0.4, reading(active=1, workers=4, more=False))
    execution.add(0.8, reading(active=0, workers=4, more=False))
    assert execution.seen_s == 0.0


def test_a_gap_between_readings_is_not_counted() -> None:
    execution = Execution(now=0.0)
    execution.receive(rows())
    execution.add(60.0, reading(active=1))
    assert execution.seen_s == 0.5


def test_core_usage_comes_only_from_seconds_in_which_rows_arrive() -> None:
    execution = Execution(now=0.0)
    execution.measured(0.1)
    execution.receive(rows())
    execution.measured(0.2)
    execution.measured(0.9)
    execution.ended = True
    execution.measured(0.3)
    assert execution.shares == [0.9]


def test_counts_of_all_workers_are_added() -> None:
    execution = Execution(now=0.0)
    execution.receive(rows(models=1, tokens=90, padding=10))
    execution.receive(rows(models=1, tokens=45, padding=5, worker="here:2"))
    execution.receive(rows(tokens=5, calls=0))
    assert (execution.models, execution.calls, execution.rows) == (2, 2, 30)
    assert (execution.tokens, execution.padding) == (140, 15)
    assert execution.workers == {"here:1", "here:2"}
