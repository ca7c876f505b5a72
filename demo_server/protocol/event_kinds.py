"""The kinds of events: how each is kept, from which all else about it follows.

That is the state, both folds, the recording's thinning, the JSON Schema and the TypeScript types.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, create_model

from demo_server.protocol.base import Frame
from demo_server.protocol.events import (
    ChecksData,
    ComparisonData,
    Event,
    ExportData,
    FailureData,
    MetricsData,
    NoteData,
    OutcomeData,
    PassesData,
    PlanData,
    Point,
    ProgressData,
    ResultData,
    Row,
    RowsData,
    StatusData,
    StepData,
)

Base = TypeVar("Base", bound=BaseModel)


@dataclass(frozen=True)
class Append:
    """The list of a stage's state to which the events of a kind append.

    Attributes:
        to: its field of the state.
        item: the model of what it lists, filled from the event's `data` and `t`.
        cap: items that it has at most; one more, and the oldest goes.
        items: the field of `data` that lists several items; None where an event is one item.
        seen: the field of the state that counts all items, also those that are gone.
        stride: the field of the state that says that every `stride`-th item is kept. Where it is
            set, a list that is too long loses every second item, not its oldest.
    """

    to: str
    item: type[Frame]
    cap: int
    items: str | None = None
    seen: str | None = None
    stride: str | None = None


@dataclass(frozen=True)
class EventKind:
    """How the events of one kind are kept.

    Attributes:
        name: the `kind` of its events.
        data: the model of their `data`.
        replaces: the field of the state that holds the newest `data`, without `appends.items`.
        appends: the list of the state that grows with each.
        of_run: the state is the run's, not a stage's.
        thinned: of several within a moment a recording keeps the last of each stage.
        means_work: a run whose driver sends one has begun to work.
    """

    name: str
    data: type[Frame]
    replaces: str | None = None
    appends: Append | None = None
    of_run: bool = False
    thinned: bool = False
    means_work: bool = False


_POINTS = Append("points", Point, cap=400, seen="points_seen", stride="stride")
_ROWS = Append("rows", Row, cap=60, items="rows", seen="rows_seen")
_NOTES = Append("notes", NoteData, cap=50)

KINDS = {
    kind.name: kind
    for kind in (
        EventKind("status", StatusData, "status", of_run=True),
        EventKind("plan", PlanData, "plan", means_work=True),
        EventKind("progress", ProgressData, "progress", _POINTS, thinned=True, means_work=True),
        EventKind("rows", RowsData, "batch", _ROWS, thinned=True, means_work=True),
        EventKind("metrics", MetricsData, "metrics", thinned=True),
        EventKind("note", NoteData, appends=_NOTES),
        EventKind("result", ResultData, "result", means_work=True),
        EventKind("failure", FailureData, "failure", means_work=True),
        EventKind("step", StepData, "step", means_work=True),
        EventKind("passes", PassesData, "passes", means_work=True),
        EventKind("outcome", OutcomeData, "outcome", means_work=True),
        EventKind("export", ExportData, "export", means_work=True),
        EventKind("comparison", ComparisonData, "comparison", means_work=True),
        EventKind("checks", ChecksData, "checks", means_work=True),
    )
}


def per_kind(base: type[Base], kinds: Iterable[EventKind]) -> dict[type[BaseModel], type[Base]]:
    """Return `base` with the `kind` and the `data` of each kind, by the model of that data."""
    models: dict[type[BaseModel], type[Base]] = {}
    for kind in kinds:
        fields: dict[str, Any] = {
            "kind": (Literal[kind.name], kind.name),
            "data": (kind.data, ...),
        }
        name = f"{kind.name.title()}{base.__name__}"
        models[kind.data] = create_model(name, __base__=base, __module__=base.__module__, **fields)
    return models


EVENTS = per_kind(Event, KINDS.values())

if TYPE_CHECKING:
    AnyEvent = Event
else:
    AnyEvent = Annotated[reduce(or_, EVENTS.values()), Field(discriminator="kind")]

event: TypeAdapter[Event] = TypeAdapter(AnyEvent)
