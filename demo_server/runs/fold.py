"""The one fold: a run's events, in order, to the state that a slide shows.

A kind replaces its part of the state or appends to it; lists are capped and thinned the same
way for everyone, so that fold(all) == fold(rest, onto=snapshot(k)) for every k. The same lines
stand in `slides/live/fold.ts`; both are tested on `tests/vectors/fold.json`.
"""

from __future__ import annotations

from collections.abc import Iterable

from demo_server.protocol.events import Event
from demo_server.protocol.state import Point, RunState, StageState

MAX_ROWS = 60
MAX_NOTES = 50
MAX_POINTS = 400


def apply(state: RunState, event: Event) -> None:
    """Fold one event into `state`, in place.

    Raises:
        ValueError: the event is not the one that follows `state.seq`.
    """
    if event.seq != state.seq + 1:
        raise ValueError(f"expected seq {state.seq + 1}, got {event.seq}")
    state.seq, state.t = event.seq, event.t
    if event.kind == "status":
        state.status = event.data
        return
    stage = state.stages.get(event.stage or "")
    if stage is None:
        stage = state.stages[event.stage or ""] = StageState()
    match event.kind:
        case "plan":
            stage.plan = event.data
        case "progress":
            stage.progress = event.data
            _append_point(stage, Point(t=event.t, rows=event.data.rows, rate=event.data.rate))
        case "metrics":
            stage.metrics = event.data
        case "result":
            stage.result = event.data
        case "failure":
            stage.failure = event.data
        case "rows":
            stage.rows_seen += len(event.data.rows)
            stage.rows = [*stage.rows, *event.data.rows][-MAX_ROWS:]
            stage.batch = event.data.model_copy(update={"rows": []})
        case "note":
            stage.notes = [*stage.notes, event.data][-MAX_NOTES:]


def fold(events: Iterable[Event], onto: RunState | None = None) -> RunState:
    """Fold `events` onto a copy of `onto` (an empty state unless given).

    Raises:
        ValueError: a seq is missing, repeated or out of order.
    """
    state = onto.model_copy(deep=True) if onto else RunState()
    for event in events:
        apply(state, event)
    return state


def _append_point(stage: StageState, point: Point) -> None:
    """Keep every `stride`-th point; when the list is full, double the stride."""
    if stage.points_seen % stage.stride == 0:
        stage.points = [*stage.points, point]
        if len(stage.points) > MAX_POINTS:
            stage.points = stage.points[::2]
            stage.stride *= 2
    stage.points_seen += 1
