"""Requests and inputs that cannot be used: what is wrong, in which field, and the remedy."""

from __future__ import annotations

from pydantic import JsonValue

from demo_server.protocol.frames import Error, ErrorCode


class Refusal(Exception):  # noqa: N818 - it is an answer, not an accident
    """Why a client's request is not done, as a sentence it can act on."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        field: str | None = None,
        feasible: dict[str, JsonValue] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.field, self.feasible = code, message, field, feasible

    def frame(self, request_id: str | None = None) -> Error:
        return Error(
            code=self.code,
            message=self.message,
            request_id=request_id,
            field=self.field,
            feasible=self.feasible,
        )


class InputError(ValueError):
    """`field` is the setting or column at fault, `message` a sentence, `remedy` another one."""

    def __init__(self, field: str, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.field = field
        self.message = message
        self.remedy = remedy
