"""The fold: any state plus the rest is the whole, and both languages agree on the vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_server.protocol.event_kinds import KINDS, event
from demo_server.protocol.events import Event
from demo_server.protocol.state import RunState
from demo_server.runs.fold import apply, fold

MAX_ROWS, MAX_NOTES, MAX_POINTS = (KINDS[name].appends.cap for name in ("rows", "note", "progress"))

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "fold.json").read_text(encoding="utf-8")
)


def events_from(bodies: list[dict[str, Any]]) -> list[Event]:
    return [event.validate_python({"seq": i + 1, "t": i, **b}) for i, b in enumerate(bodies)]


def progress(rows: int) -> dict[str, Any]:
    return {"kind": "progress", "data": {"rows": rows, "rate": 1.0}}


bodies = st.one_of(
    st.builds(
        lambda status: {"kind": "status", "data": {"status": status}},
        st.sampled_from(["queued", "running", "failed"]),
    ),
    st.builds(progress, st.integers(0, 10_000)),
    st.builds(
        lambda stage, ids: {
            "kind": "rows",
            "stage": stage,
            "data": {"rows": [{"id": i, "text": i} for i in ids]},
        },
        st.sampled_from([None, "write"]),
        st.lists(st.text(max_size=5), max_size=40),
    ),
    st.builds(lambda text: {"kind": "note", "data": {"text": text}}, st.text(max_size=10)),
    st.builds(lambda rows: {"kind": "result", "data": {"rows": rows}}, st.integers(0, 100)),
    st.builds(
        lambda cost: {
            "kind": "step",
            "data": {
                "title": "A step",
                "rows": 1,
                "seconds": 1.0,
                "start_s": 1.0,
                "cost_s": cost,
                "rate": 1.0,
            },
        },
        st.integers(1, 100),
    ),
    st.just({"kind": "failure", "data": {"exception": "E", "message": "m", "expected": True}}),
)


@given(st.lists(bodies, max_size=30), st.data())
def test_a_snapshot_plus_the_rest_is_the_whole(
    chosen: list[dict[str, Any]], data: st.DataObject
) -> None:
    events = events_from(chosen)
    k = data.draw(st.integers(0, len(events)))
    snapshot = RunState.model_validate_json(fold(events[:k]).model_dump_json())
    assert fold(events[k:], onto=snapshot) == fold(events)


@given(st.integers(0, 2 * MAX_POINTS), st.integers(0, 3 * MAX_POINTS))
def test_thinning_gives_the_same_points_from_any_snapshot(k: int, total: int) -> None:
    events = events_from([progress(i) for i in range(total)])
    snapshot = fold(events[:k])
    assert fold(events[k:], onto=snapshot) == fold(events)


def test_folding_leaves_the_snapshot_as_it_was() -> None:
    events = events_from([progress(1), progress(2)])
    snapshot = fold(events[:1])
    before = snapshot.model_copy(deep=True)
    fold(events[1:], onto=snapshot)
    assert snapshot == before


def test_lists_keep_the_newest_up_to_their_caps() -> None:
    rows = [{"id": str(i), "text": ""} for i in range(MAX_ROWS + 5)]
    state = fold(
        events_from(
            [
                {"kind": "rows", "data": {"rows": rows}},
                *({"kind": "note", "data": {"text": str(i)}} for i in range(MAX_NOTES + 5)),
            ]
        )
    )
    stage = state.stages[""]
    assert [row.id for row in stage.rows] == [str(i) for i in range(5, MAX_ROWS + 5)]
    assert stage.rows_seen == MAX_ROWS + 5
    assert [note.text for note in stage.notes] == [str(i) for i in range(5, MAX_NOTES + 5)]


def test_points_are_thinned_evenly_and_start_at_the_first() -> None:
    stage = fold(events_from([progress(i) for i in range(3 * MAX_POINTS)])).stages[""]
    assert stage.points[0].rows == 0
    assert {b.rows - a.rows for a, b in zip(stage.points, stage.points[1:], strict=False)} == {4}
    assert len(stage.points) <= MAX_POINTS


@pytest.mark.parametrize("seq", [1, 3])
def test_an_event_out_of_order_is_refused_by_name(seq: int) -> None:
    state = fold(events_from([progress(1)]))
    stray = event.validate_python({"seq": seq, "t": 0, **progress(2)})
    with pytest.raises(ValueError, match=f"expected seq 2, got {seq}"):
        apply(state, stray)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_shared_vectors_fold_to_their_states(vector: dict[str, Any]) -> None:
    events = [event.validate_python(e) for e in vector["events"]]
    for k, state in vector["states"].items():
        assert fold(events[: int(k)]).model_dump(mode="json") == state
