"""What happens in a run: what each kind of event carries, and the table of kinds at the end.

A new kind is a model here and a row of `KINDS`: the state, both folds, the recording's thinning,
the JSON Schema and the TypeScript types follow from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, create_model

from demo_server.protocol.base import Frame

Base = TypeVar("Base", bound=BaseModel)


class RunStatus(StrEnum):
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)


class StatusData(Frame):
    status: RunStatus
    reason: str | None = None
    place: int | None = Field(default=None, description="place in the queue, 1 is next")


class PlanOperator(Frame):
    name: str = Field(description="as Ray Data names it, e.g. MapBatches(TextEmbedder)")
    detail: str | None = None


class PlanData(Frame):
    operators: list[PlanOperator]
    total_rows: int | None = None
    dataset_rows: int | None = Field(default=None, description="all rows of the dataset, M of N")
    device: str | None = Field(default=None, description="cuda, mps or cpu")
    reason: str | None = Field(default=None, description="why these resources, as a sum")


class OperatorProgress(Frame):
    name: str
    rows: int = Field(description="rows out so far")
    total_rows: int | None = None
    blocks: int = Field(description="blocks out so far")
    queued_blocks: int = Field(description="blocks waiting at its input")
    active_tasks: int = 0
    actors: int = 0


class ProgressData(Frame):
    rows: int = Field(description="rows out of the last operator")
    total: int | None = None
    rate: float | None = Field(default=None, description="rows per second, steady")
    eta_s: float | None = None
    operators: list[OperatorProgress] = Field(default_factory=list)


class Row(Frame):
    id: str
    text: str = Field(max_length=200)
    embedding: str | None = Field(default=None, description="int8 values, base64")
    scale: float | None = Field(default=None, description="float value = int8 value x scale")
    norm: float | None = None
    dim: int | None = None
    columns: dict[str, str | int | float | bool | None] = Field(default_factory=dict)


class RowsData(Frame):
    rows: list[Row]
    batch_rows: int | None = Field(default=None, description="rows of the batch they came from")
    batch_seconds: float | None = None
    finished_at: float | None = Field(
        default=None, description="when the batch left the model: Unix time in ms"
    )
    worker: str | None = Field(default=None, description="the process that made them")
    calls: int = Field(default=0, description="calls that it began since its last report")
    models: int = Field(default=0, description="models that it loaded since then")
    tokens: int = Field(default=0, description="tokens that its model read since then")
    padding: int = Field(default=0, description="tokens that it computed in addition")


class ActorMetrics(Frame):
    pid: int
    state: str
    memory_bytes: int


class MetricsData(Frame):
    cpu_percent: float = Field(description="of all cores together, 0 to 100")
    cpus: int
    memory_bytes: int
    memory_total_bytes: int
    object_store_bytes: int
    object_store_total_bytes: int
    actors: list[ActorMetrics] = Field(default_factory=list)


class NoteData(Frame):
    text: str
    level: Literal["info", "warning"] = "info"


class SchemaColumn(Frame):
    name: str
    type: str


class Figure(Frame):
    """A number that came out of the run."""

    name: str = Field(description="a stable word, e.g. freed_bytes")
    label: str
    value: float | str
    unit: str | None = None


# Of all tokens computed. Sorted by length, the ladder's passes take half of what they took before.
PADDING_LIMIT = 0.2
# What the doctor asks of each run, by the names of its checks: a slide shows it before the run.
QUESTIONS = {
    "loaded": "Is the model loaded once?",
    "busy": "Are the cores busy?",
    "full": "Are the batches full?",
    "padded": f"Is padding under {PADDING_LIMIT:.0%}?",
    "fed": "Is the model always fed?",
    "complete": "Did every row come out?",
}


class Check(Frame):
    """What the doctor found about one thing in a run."""

    name: str = Field(description="of one of QUESTIONS")
    state: Literal["ok", "warn", "unknown"] = Field(description="unknown: it was not measured")
    question: str
    figure: Figure | None = None
    fix: str = Field(description="how to fix it where it is not ok")
    reason: str | None = Field(default=None, description="why it was not measured")


class ChecksData(Frame):
    """What the doctor found about the whole run."""

    checks: list[Check]


class RowCounts(Frame):
    """Where the rows went, from the file to the result: read = dropped + left_out + lost + out.

    Where a run has several pipelines, in the one that got most rows; of those, that lost most.
    """

    in_file: int | None = Field(description="None where nothing but reading it counts them")
    read: int
    dropped: int = Field(description="read, and without a text")
    left_out: int = Field(0, description="with a text, and not asked for or left out on purpose")
    lost: int = Field(0, description="taken, and not out; below 0 where more came out than went in")
    embedded: int = Field(description="out, with a vector of finite numbers")
    out: int


class ResultData(Frame):
    before: str | None = Field(default=None, description="print(ds) of the original dataset")
    after: str | None = Field(default=None, description="print(ds) of the materialized one")
    columns: list[SchemaColumn] = Field(default_factory=list)
    rows: int | None = None
    counts: RowCounts | None = None
    blocks: int | None = None
    bytes: int | None = None
    first_rows: list[Row] = Field(default_factory=list)
    stats: str | None = None
    seconds: float | None = None
    figures: list[Figure] = Field(default_factory=list)


class FailureData(Frame):
    exception: str
    message: str
    cause: str | None = None
    remedy: str | None = None
    expected: bool = False


class StepData(Frame):
    """What one step of a comparison took; steps are compared with each other, in their order."""

    title: str
    rows: int = Field(description="rows that came out")
    seconds: float = Field(description="from the end of the first call to the last row")
    start_s: float = Field(description="seconds before that: processes start and load")
    cost_s: float = Field(description="seconds for 1,000 rows")
    rate: float = Field(description="rows per second")


class ForwardPass(Frame):
    tokens: int = Field(description="of its rows")
    padding: int = Field(description="tokens that make all its rows as long as the longest")


class PassesData(Frame):
    """The forward passes of a step, in their order."""

    passes: list[ForwardPass]


class OutcomeData(Frame):
    """What came of one form of some code: it raised, lost rows silently, or worked."""

    title: str
    outcome: Literal["raised", "silent", "worked"]
    rows_in: int
    rows_out: int | None = Field(default=None, description="None where it raised")
    exception: str | None = Field(default=None, description="the class of what it raised")
    message: str | None = Field(
        default=None, description="the exception's own words, or what happens without one"
    )
    remedy: str | None = None
    processes: int | None = Field(default=None, description="that did the work, where it is known")


class ExportData(Frame):
    """What one way out of Ray takes for 1,000 rows of a result."""

    write_s: float = Field(description="seconds to write, or to collect in the driver")
    memory_bytes: float = Field(description="that the driver's process grew by")
    disk_bytes: float | None = Field(default=None, description="None where nothing is written")
    read_s: float | None = Field(default=None, description="seconds to read it back")


class ComparisonData(Frame):
    """What the steps of a run come to together."""

    ratio: float = Field(description="the cost of the first step, as a multiple of the least cost")
    cosine: float = Field(description="the lowest of any row's embeddings in two steps")
    seconds: float | None = Field(default=None, description="that all steps took")


class Point(Frame):
    """One point of the chart."""

    t: int
    rows: int
    rate: float | None


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


class Event(Frame):
    """An event of any kind; its `data` is the model of that kind."""

    seq: int = Field(ge=1)
    t: int = Field(ge=0, description="ms since accepted, monotonic")
    stage: str | None = None
    kind: str
    data: Any


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
