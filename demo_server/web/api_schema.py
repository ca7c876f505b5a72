"""The protocol as one JSON Schema, with the constants that a client also needs.

`python -m demo_server.web.api_schema` prints `{"schema": …, "constants": …}`, from which
`scripts/generate-protocol.mjs` writes `slides/live/protocol/generated.ts`.
"""

from __future__ import annotations

import json
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from demo_server.protocol import frames
from demo_server.protocol.event_kinds import KINDS, EventKind
from demo_server.protocol.events import QUESTIONS
from demo_server.protocol.findings import Findings
from demo_server.runs import log
from demo_server.runs.recording import RecordingHeader
from demo_server.web import limits


def _models(frame: Any) -> tuple[type[BaseModel], ...]:
    """Return the models of a union of frames."""
    union, _ = get_args(frame)
    return get_args(union)


_CLIENT, _SERVER = _models(frames.ClientFrame), _models(frames.ServerFrame)


def protocol_schema() -> dict[str, Any]:
    """One schema with every model under `$defs`, and `FromClient` and `FromServer` next to it.

    What the server sends lists every field that is never null as required, defaults or not: the
    server writes them out. What a client sends may leave a default out.
    """
    _, client = models_json_schema([(model, "validation") for model in _CLIENT])
    # A recording's header is read by the deck from a file, the findings over HTTP.
    written: list[type[BaseModel]] = [*_SERVER, RecordingHeader, Findings]
    _, server = models_json_schema([(model, "serialization") for model in written])
    for definition in server["$defs"].values():
        _require_what_is_sent(definition)
    definitions = {**client["$defs"], **server["$defs"]}
    for name, models in (("FromClient", _CLIENT), ("FromServer", _SERVER)):
        definitions[name] = {"anyOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in models]}
    definitions["RunEvent"] = {
        "anyOf": definitions["Events"]["properties"]["events"]["items"]["oneOf"]
    }
    definitions["Events"]["properties"]["events"]["items"] = {"$ref": "#/$defs/RunEvent"}
    return {"$defs": dict(sorted(definitions.items()))}


def constants() -> dict[str, Any]:
    """Numbers and words that a client needs and a JSON Schema cannot state."""
    return {
        "close_codes": {code.name: code.value for code in frames.CloseCode},
        "numbers": {
            "MAX_CLIENT_FRAME_BYTES": limits.MAX_CLIENT_FRAME_BYTES,
            "HELLO_TIMEOUT_S": limits.HELLO_TIMEOUT_S,
            "BEAT_INTERVAL_S": limits.BEAT_INTERVAL_S,
            "RECORDING_FORMAT": log.FORMAT,
        },
        "questions": [*QUESTIONS.values()],
        "event_kinds": {kind.name: _folding(kind) for kind in KINDS.values()},
    }


def _folding(kind: EventKind) -> dict[str, Any]:
    """What a client's fold needs of a kind's row."""
    row: dict[str, Any] = {"of_run": kind.of_run, "replaces": kind.replaces, "appends": None}
    if append := kind.appends:
        row["appends"] = {
            "to": append.to,
            "cap": append.cap,
            "items": append.items,
            # Of an event that is one item but not its whole data: the fields that the item has.
            "fields": None
            if append.items or append.item is kind.data
            else [*append.item.model_fields],
            "seen": append.seen,
            "stride": append.stride,
        }
    return row


def _require_what_is_sent(definition: dict[str, Any]) -> None:
    properties = definition.get("properties", {})
    definition["required"] = [
        name for name, schema in properties.items() if not _may_be_null(schema)
    ]


def _may_be_null(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "null" or any(_may_be_null(s) for s in schema.get("anyOf", ()))


if __name__ == "__main__":
    print(json.dumps({"schema": protocol_schema(), "constants": constants()}))
