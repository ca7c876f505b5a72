"""What happens in a run: the kinds of events, and what each carries."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from demo_server.protocol.base import Frame


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
    calls: int = Field(default=0, description="calls that it began since it last told")
    models: int = Field(default=0, description="models that it loaded since then")
    tokens: int = Field(default=0, description="tokens that its model read since then")
    padding: int = Field(default=0, description="tokens that it computed beside those")


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


class Check(Frame):
    """What the doctor found about one thing in a run."""

    name: str = Field(description="a stable word, e.g. padded")
    state: Literal["ok", "warn", "unknown"] = Field(description="unknown: it was not measured")
    question: str
    figure: Figure | None = None
    fix: str = Field(description="what mends it where it is not ok")
    reason: str | None = Field(default=None, description="why it was not measured")


class ResultData(Frame):
    before: str | None = Field(default=None, description="print(ds) of the original dataset")
    after: str | None = Field(default=None, description="print(ds) of the materialized one")
    columns: list[SchemaColumn] = Field(default_factory=list)
    rows: int | None = None
    blocks: int | None = None
    bytes: int | None = None
    first_rows: list[Row] = Field(default_factory=list)
    stats: str | None = None
    seconds: float | None = None
    figures: list[Figure] = Field(default_factory=list)
    checks: list[Check] = Field(
        default_factory=list, description="of the whole run, in the stage doctor"
    )


class FailureData(Frame):
    exception: str
    message: str
    cause: str | None = None
    remedy: str | None = None
    expected: bool = False


class _Event(Frame):
    seq: int = Field(ge=1)
    t: int = Field(ge=0, description="ms since accepted, monotonic")
    stage: str | None = None


class StatusEvent(_Event):
    kind: Literal["status"]
    data: StatusData


class PlanEvent(_Event):
    kind: Literal["plan"]
    data: PlanData


class ProgressEvent(_Event):
    kind: Literal["progress"]
    data: ProgressData


class RowsEvent(_Event):
    kind: Literal["rows"]
    data: RowsData


class MetricsEvent(_Event):
    kind: Literal["metrics"]
    data: MetricsData


class NoteEvent(_Event):
    kind: Literal["note"]
    data: NoteData


class ResultEvent(_Event):
    kind: Literal["result"]
    data: ResultData


class FailureEvent(_Event):
    kind: Literal["failure"]
    data: FailureData


Event = Annotated[
    StatusEvent
    | PlanEvent
    | ProgressEvent
    | RowsEvent
    | MetricsEvent
    | NoteEvent
    | ResultEvent
    | FailureEvent,
    Field(discriminator="kind"),
]
event: TypeAdapter[Event] = TypeAdapter(Event)
