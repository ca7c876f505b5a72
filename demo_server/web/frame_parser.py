"""A client's frame, from text to model, or what is wrong with it."""

from __future__ import annotations

import json
import math
from typing import Any

from pydantic import JsonValue, ValidationError

from demo_server.protocol import frames
from demo_server.protocol.errors import Refusal
from demo_server.protocol.frames import ErrorCode
from demo_server.web import limits

BROKEN = {ErrorCode.NOT_JSON, ErrorCode.BAD_FRAME, ErrorCode.UNKNOWN_TYPE}


def decode(text: str) -> frames.ClientFrame:
    """Read one client frame.

    Raises:
        Refusal: what is wrong with it, naming the field.
    """
    try:
        body = json.loads(text, parse_constant=_not_finite, parse_float=_finite)
        if "\\u" in text:
            # Half a surrogate pair can't be encoded in any answer.
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refusal(
            ErrorCode.NOT_JSON, f"This frame is not JSON: {error}. Send one JSON object."
        ) from None
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise Refusal(
            ErrorCode.BAD_FRAME, "A frame is a JSON object with a string `type`.", field="type"
        )
    if is_deeper(body, limits.MAX_FRAME_DEPTH):
        raise Refusal(ErrorCode.BAD_FRAME, f"A frame may be {limits.MAX_FRAME_DEPTH} levels deep.")
    try:
        return frames.client_frame.validate_python(body, strict=True)
    except ValidationError as error:
        raise _refusal(body["type"], error) from None


def is_deeper(body: dict[str, JsonValue], levels: int) -> bool:
    """Tell whether objects and lists are nested deeper than `levels`, level by level."""
    level: list[dict[str, JsonValue] | list[JsonValue]] = [body]
    for _ in range(levels):
        inner = [v.values() if isinstance(v, dict) else v for v in level]
        level = [v for values in inner for v in values if isinstance(v, dict | list)]
        if not level:
            return False
    return True


def _not_finite(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits} is too large a number")
    return value


def _refusal(type_: str, error: ValidationError) -> Refusal:
    first: Any = error.errors()[0]
    if first["type"] == "union_tag_invalid":
        known = first["ctx"]["expected_tags"].replace("'", "")
        return Refusal(
            ErrorCode.UNKNOWN_TYPE, f"There is no frame of type {type_!r}. Use {known}.", "type"
        )
    # The first part of the place is the tag of the union: the frame's type.
    field = ".".join(str(part) for part in first["loc"][1:]) or None
    if first["type"] == "extra_forbidden":
        return Refusal(ErrorCode.BAD_FRAME, f"A {type_} frame has no field {field!r}.", field)
    return Refusal(ErrorCode.BAD_FRAME, f"{field} of a {type_} frame: {first['msg']}.", field)
