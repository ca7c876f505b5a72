"""The one fold: a run's events, in order, to the state that a slide shows.

A kind replaces its part of the state or appends to it, as its row in `protocol.event_kinds.KINDS`
states; lists are capped and thinned the same way for everyone, so that fold(all) ==
fold(rest, onto=snapshot(k)) for every k. `slides/live/state/fold.ts` does the same from the same
table; both are tested on `tests/vectors/fold.json`.
"""

from __future__ import annotations

from collections.abc import Iterable

from demo_server.protocol.base import Frame
from demo_server.protocol.event_kinds import KINDS, Append
from demo_server.protocol.events import Event
from demo_server.protocol.state import RunState, StageState


def apply(state: RunState, event: Event) -> None:
    """Fold one event into `state`, in place.

    Raises:
        ValueError: the event is not the one that follows `state.seq`.
    """
    if event.seq != state.seq + 1:
        raise ValueError(f"expected seq {state.seq + 1}, got {event.seq}")
    state.seq, state.t = event.seq, event.t
    kind = KINDS[event.kind]
    part = state if kind.of_run else _stage(state, event.stage or "")
    append = kind.appends
    if kind.replaces:
        data = event.data
        if append and append.items:
            data = data.model_copy(update={append.items: []})
        setattr(part, kind.replaces, data)
    if append:
        _extend(part, append, _items(append, event))


def fold(events: Iterable[Event], onto: RunState | None = None) -> RunState:
    """Fold `events` onto a copy of `onto` (an empty state unless given).

    Raises:
        ValueError: a seq is missing, repeated or out of order.
    """
    state = onto.model_copy(deep=True) if onto else RunState()
    for event in events:
        apply(state, event)
    return state


def _stage(state: RunState, name: str) -> StageState:
    if name not in state.stages:
        state.stages[name] = StageState()
    return state.stages[name]


def _items(append: Append, event: Event) -> list[Frame]:
    if append.items:
        items: list[Frame] = getattr(event.data, append.items)
        return items
    if isinstance(event.data, append.item):
        return [event.data]
    whole = {**dict(event.data), "t": event.t}
    return [append.item.model_validate({name: whole[name] for name in append.item.model_fields})]


def _extend(part: Frame, append: Append, items: list[Frame]) -> None:
    """Add items to a list; one that is too long loses its oldest, or every second by its stride.

    The list is replaced, never changed in place: copies of the state share it.
    """
    kept: list[Frame] = getattr(part, append.to)
    seen: int = getattr(part, append.seen) if append.seen else 0
    if append.stride is None:
        kept = [*kept, *items][-append.cap :]
    else:
        stride: int = getattr(part, append.stride)
        for number, item in enumerate(items, start=seen):
            if number % stride == 0:
                kept = [*kept, item]
            if len(kept) > append.cap:
                kept, stride = kept[::2], stride * 2
        setattr(part, append.stride, stride)
    setattr(part, append.to, kept)
    if append.seen:
        setattr(part, append.seen, seen + len(items))
