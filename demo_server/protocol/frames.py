"""The wire protocol of the websocket at `/ws`, declared once.

`slides/live/protocol/generated.ts` is generated from this package, close codes included, and
`GET /api/protocol.json` serves its JSON Schema. Names are fixed: other clients are written
against them. Every frame is a JSON object with a `type`.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter

from demo_server.protocol.base import Frame
from demo_server.protocol.event_kinds import AnyEvent
from demo_server.protocol.events import RunStatus
from demo_server.protocol.state import RunState


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
        description="the same by engine, for a run that has this parameter",
    )
    dataset_rows: int | None = None
    inputs: dict[str, str] = Field(
        default_factory=dict,
        description="what shown code takes from the dataset and the model, as code, by name",
    )
    regions: dict[str, str] = Field(description="sha256 of each shown region, by name")
    code_hash: str
    uses_held: bool = Field(description="runs in the driver that holds the last result")
    actions: list[str] = Field(default_factory=list)
    stages: dict[str, str] = Field(
        default_factory=dict, description="titles of a comparison's stages, in their order"
    )

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
    events: list[AnyEvent]


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
