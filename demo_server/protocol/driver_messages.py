"""What the server and a driver process send each other, one JSON object a line.

A driver's process has two arguments: its `DriverOptions` as JSON, and the descriptor of a pipe of
its own for messages, so that a library's `print` cannot corrupt them. Commands go down its standard
input; the closing of it ends the driver. There is no command to cancel: the server ends the process
group, which always works, and Ray frees the CPUs of a job whose driver is gone in 0.1 s.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from demo_server.protocol.base import Frame
from demo_server.protocol.event_kinds import KINDS, per_kind
from demo_server.system.settings import Inputs

ALIVE_INTERVAL_S = 1.0


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")


# What a child process is started with, as JSON in its first argument


class DriverOptions(Line):
    """Of a driver and of `calibrate`, which runs in place of one."""

    ray_address: str = Field(description="host:port of the cluster's head")
    inputs: Inputs = Inputs()
    users_cluster: bool = Field(
        default=False,
        description="the cluster is not the server's own: our code travels with the job",
    )
    wait: bool = Field(default=False, description="connect only at the command `connect`")


class DescribeOptions(Line):
    inputs: Inputs = Inputs()
    machine: Path | None = Field(default=None, description="what `calibrate` printed, in a file")


# Server to driver


class ConnectCommand(Line):
    """Ray is up: a driver that was started with `wait` connects now."""

    type: Literal["connect"] = "connect"


class PrioritizeCommand(Line):
    """This run waits for a driver that is not ready yet: prepare what it needs, nothing else."""

    type: Literal["prioritize"] = "prioritize"
    experiment: str
    params: dict[str, JsonValue]


class RunCommand(Line):
    type: Literal["run"] = "run"
    run_id: str
    experiment: str
    params: dict[str, JsonValue]
    directory: str = Field(description="where the run's files go, e.g. result.parquet")


class ActCommand(Line):
    type: Literal["act"] = "act"
    action: str
    args: dict[str, JsonValue] = Field(default_factory=dict)


class ReleaseCommand(Line):
    """Release the result that it holds: it waits for another run now."""

    type: Literal["release"] = "release"


Command = Annotated[
    ConnectCommand | PrioritizeCommand | RunCommand | ActCommand | ReleaseCommand,
    Field(discriminator="type"),
]
command: TypeAdapter[Command] = TypeAdapter(Command)


# Driver to server


class Ready(Line):
    """Imported and connected to Ray; the next `run` starts at once."""

    type: Literal["ready"] = "ready"
    pid: int
    versions: dict[str, str]
    cpus: float = Field(description="of the Ray cluster")
    gpus: float
    device: str = Field(description="cuda, mps or cpu: where the model will run")


class Alive(Line):
    """Every second, from a thread of its own."""

    type: Literal["alive"] = "alive"


class Emitted(Line):
    """An event without `seq` and `t`, which the server alone assigns; never a status."""

    type: Literal["event"] = "event"
    stage: str | None = None
    kind: str
    data: Any


_EMITTED = per_kind(Emitted, (kind for kind in KINDS.values() if not kind.of_run))

if TYPE_CHECKING:
    AnyEmitted = Emitted
else:
    AnyEmitted = Annotated[reduce(or_, _EMITTED.values()), Field(discriminator="kind")]


def emitted(data: Frame, stage: str | None = None) -> Emitted:
    """Return the message that sends an event; its kind is the one that carries `data`."""
    return _EMITTED[type(data)].model_validate({"stage": stage, "data": data})


class Ended(Line):
    """The experiment returned or raised. Nothing of this run follows."""

    type: Literal["end"] = "end"
    status: Literal["succeeded", "failed"]
    reason: str | None = None
    holds: bool = Field(default=False, description="this driver now holds a result to be asked")
    end_ray: bool = Field(default=False, description="the run asks the server to end its head")
    unharmed: bool = Field(
        default=False, description="the run has left its process as it was: it may do another"
    )


Message = Annotated[Ready | Alive | AnyEmitted | Ended, Field(discriminator="type")]
message: TypeAdapter[Message] = TypeAdapter(Message)


# What `demo-server describe` prints


class Needs(Line):
    """What a run asks of the cluster; a string names the parameter that has the amount."""

    actors: str | int = 0
    cpus_per_actor: str | float = 1.0
    task_cpus: float = Field(default=1.0, description="the largest read or shuffle task")
    alone: bool = Field(
        default=False, description="it compares times: no other driver may be prepared meanwhile"
    )


class Description(Line):
    """One experiment as the server knows it; `ExperimentInfo` is the part clients see."""

    name: str
    title: str
    schema_: dict[str, Any] = Field(alias="schema")
    defaults: dict[str, JsonValue]
    reason: str | None = None
    measured: bool = False
    rate: float | None = None
    rates: dict[str, float] | None = None
    dataset_rows: int | None = None
    inputs: dict[str, str] = Field(default_factory=dict)
    regions: dict[str, str]
    code_hash: str
    needs: Needs
    uses_held: bool = False
    actions: list[str] = Field(default_factory=list)
    stages: dict[str, str] = Field(
        default_factory=dict, description="titles of a comparison's stages, in their order"
    )

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Descriptions(Line):
    experiments: list[Description]
    errors: list[str] = Field(
        default_factory=list, description="a file that could not be imported, and why"
    )
    refusal: str | None = Field(
        default=None, description="why dataset or model can't be used; there are no experiments"
    )
