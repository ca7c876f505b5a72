"""The wire protocol of the websocket at `/ws`, declared once.

`slides/live/protocol.ts` is generated from this module, close codes included, and
`GET /api/protocol.json` serves its JSON Schema. Names are fixed: other clients are written
against them. Every frame is a JSON object with a `type`.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

MAX_CLIENT_FRAME_BYTES = 64 * 1024
HELLO_TIMEOUT_S = 5.0
BEAT_INTERVAL_S = 0.5


class CloseCode(IntEnum):
    """Why the server closed a socket."""

    SERVER_RESTARTING = 1012
    TRY_AGAIN_LATER = 1013
    FRAME_TOO_LARGE = 1009
    NO_HELLO = 4001
    NOT_ALLOWED = 4003
    TOO_SLOW = 4008
    FRAME_FLOOD = 4009


class Role(StrEnum):
    PRESENTER = "presenter"
    VIEWER = "viewer"


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


class ServerStatus(StrEnum):
    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"


class ErrorCode(StrEnum):
    """Stable words of an `error` frame."""

    NOT_JSON = "not_json"
    BAD_FRAME = "bad_frame"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_EXPERIMENT = "unknown_experiment"
    UNKNOWN_RUN = "unknown_run"
    UNKNOWN_ACTION = "unknown_action"
    BAD_PARAMETER = "bad_parameter"
    INFEASIBLE = "infeasible"
    NOT_ALLOWED = "not_allowed"
    NOT_READY = "not_ready"
    QUEUE_FULL = "queue_full"
    ALREADY_ENDED = "already_ended"
    TOO_MANY = "too_many"


class Frame(BaseModel):
    """A strict frame: an unknown field is an error, not something to ignore."""

    model_config = ConfigDict(extra="forbid")


# Client frames


class Have(Frame):
    epoch: str
    runs: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict, max_length=64)


class Hello(Frame):
    type: Literal["hello"]
    token: str | None = Field(default=None, max_length=256)
    have: Have | None = None


class Start(Frame):
    type: Literal["start"]
    request_id: str = Field(min_length=1, max_length=64)
    experiment: str = Field(min_length=1, max_length=64)
    params: dict[str, JsonValue] = Field(default_factory=dict, max_length=64)


class Cancel(Frame):
    type: Literal["cancel"]
    run_id: str = Field(min_length=1, max_length=64)


class Act(Frame):
    type: Literal["act"]
    run_id: str = Field(min_length=1, max_length=64)
    action: str = Field(min_length=1, max_length=64)
    args: dict[str, JsonValue] = Field(default_factory=dict, max_length=64)


class Watch(Frame):
    type: Literal["watch"]
    run_id: str = Field(min_length=1, max_length=64)
    after: int = Field(ge=0)


class Unwatch(Frame):
    type: Literal["unwatch"]
    run_id: str = Field(min_length=1, max_length=64)


class Publish(Frame):
    type: Literal["publish"]
    channel: str = Field(min_length=1, max_length=64)
    patch: dict[str, JsonValue] = Field(max_length=256)


ClientFrame = Annotated[
    Hello | Start | Cancel | Act | Watch | Unwatch | Publish, Field(discriminator="type")
]
client_frame: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)


# What events carry


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


# What a run folds to


class Point(Frame):
    """One point of the chart."""

    t: int
    rows: int
    rate: float | None


class StageState(Frame):
    plan: PlanData | None = None
    progress: ProgressData | None = None
    metrics: MetricsData | None = None
    result: ResultData | None = None
    failure: FailureData | None = None
    rows: list[Row] = Field(default_factory=list, description="the newest, oldest first")
    rows_seen: int = 0
    batch: RowsData | None = Field(default=None, description="the last batch, its rows left out")
    notes: list[NoteData] = Field(default_factory=list)
    points: list[Point] = Field(default_factory=list)
    points_seen: int = 0
    stride: int = Field(default=1, description="every stride-th point is kept")


class RunState(Frame):
    seq: int = 0
    t: int = 0
    status: StatusData | None = None
    stages: dict[str, StageState] = Field(
        default_factory=dict, description="by stage, '' where an event names none"
    )


# Server frames


class ExperimentInfo(Frame):
    name: str
    title: str
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema of the parameters")
    defaults: dict[str, JsonValue]
    reason: str | None = Field(default=None, description="why these defaults, on this machine")
    measured: bool = Field(description="the defaults come from a measurement of this machine")
    rate: float | None = Field(default=None, description="rows per second measured here")
    rates: dict[str, float] | None = Field(
        default=None,
        description="the same by `engine precision`, for a run that has these parameters",
    )
    dataset_rows: int | None = None
    regions: dict[str, str] = Field(description="sha256 of each shown region, by name")
    code_hash: str
    uses_held: bool = Field(description="runs in the driver that holds the last result")
    actions: list[str] = Field(default_factory=list)

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class RunInfo(Frame):
    run_id: str
    experiment: str
    params: dict[str, JsonValue]
    status: RunStatus
    seq: int
    started_at: float = Field(description="Unix time in seconds")


class Welcome(Frame):
    type: Literal["welcome"] = "welcome"
    epoch: str
    role: Role
    status: ServerStatus
    reason: str | None
    share_url: str | None = Field(default=None, description="the audience's address, if shared")
    experiments: list[ExperimentInfo]
    runs: list[RunInfo]
    channels: dict[str, dict[str, JsonValue]]
    recorded: bool = Field(default=False, description="this talk plays recordings, nothing runs")


class Server(Frame):
    type: Literal["server"] = "server"
    status: ServerStatus
    reason: str | None
    share_url: str | None = None
    experiments: list[ExperimentInfo]


class Accepted(Frame):
    type: Literal["accepted"] = "accepted"
    request_id: str
    run_id: str


class RunStarted(Frame):
    """A run was accepted from some client: all learn of it and may watch it."""

    type: Literal["run"] = "run"
    run: RunInfo


class Events(Frame):
    type: Literal["events"] = "events"
    run_id: str
    events: list[Event]


class Snapshot(Frame):
    type: Literal["snapshot"] = "snapshot"
    run_id: str
    seq: int
    state: RunState


class State(Frame):
    type: Literal["state"] = "state"
    channel: str
    patch: dict[str, JsonValue]


class Beat(Frame):
    type: Literal["beat"] = "beat"
    epoch: str
    runs: dict[str, int]


class Error(Frame):
    type: Literal["error"] = "error"
    code: ErrorCode
    message: str
    request_id: str | None = None
    field: str | None = None
    feasible: dict[str, JsonValue] | None = Field(
        default=None, description="parameters that would work, with code infeasible"
    )


ServerFrame = Annotated[
    Welcome | Server | Accepted | RunStarted | Events | Snapshot | State | Beat | Error,
    Field(discriminator="type"),
]
server_frame: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)
