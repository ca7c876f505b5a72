"""Every error that one package raises and another handles: one tree, whose root is `DemoError`."""

from __future__ import annotations

from pydantic import JsonValue

from demo_server.protocol.frames import Error, ErrorCode
from demo_server.system.demo_error import DemoError


class Refusal(DemoError):  # noqa: N818 - it is an answer, not an accident
    """Why a client's request is not done, as a sentence it can act on."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        field: str | None = None,
        feasible: dict[str, JsonValue] | None = None,
    ) -> None:
        super().__init__(message, field)
        self.code, self.feasible = code, feasible

    def frame(self, request_id: str | None = None) -> Error:
        return Error(
            code=self.code,
            message=self.message,
            request_id=request_id,
            field=self.field,
            feasible=self.feasible,
        )


class InputError(DemoError, ValueError):
    """`field` is the setting or column at fault, `message` a sentence, `remedy` another one."""

    def __init__(self, field: str, message: str, remedy: str) -> None:
        super().__init__(message, field, remedy)


class RayStartError(DemoError):
    """Ray did not start, and why."""


class DescribeError(DemoError):
    """`describe` failed, and why."""


class ModuleError(DemoError):
    """A module that ran in a process of its own failed; with its last lines of output."""


class BrokenLogError(DemoError):
    """A log that cannot be read, and why."""


class UnrecordedError(BrokenLogError):
    """A log that lacks its end, because it could not be written."""

    def __init__(self, run_id: str, reason: str) -> None:
        super().__init__(f"Run {run_id} was not recorded to its end: {reason}. Run it again.")


class ServeError(DemoError):
    """Why the server cannot start, in one sentence."""


class TooManyError(DemoError):
    """Why one more websocket is not accepted, in one sentence."""


class RunError(DemoError):
    """An experiment ends its run as failed, with this sentence as the reason."""


class ClusterError(DemoError):
    """The cluster can't be used: why, and what to do."""


class ExperimentError(DemoError):
    """An experiment's file is not what it must be."""


class ForkError(DemoError):
    """No driver can be forked; a new process is started."""


class PrestartError(DemoError):
    """No worker was started ahead of time; an actor waits for its own."""
