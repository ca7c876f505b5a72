"""A run as it ships with the deck: its log, thinned, in `public/recordings/EXPERIMENT.jsonl`.

A header line, then events, as in a run's log, so that the same fold shows both. Made by
`demo-server record`, never by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from demo_server.protocol.errors import BrokenLogError
from demo_server.protocol.event_kinds import KINDS
from demo_server.protocol.events import Event
from demo_server.protocol.frames import ExperimentInfo
from demo_server.runs import log
from demo_server.runs.log import Header
from demo_server.system.files import write_atomically

MAX_BYTES = 300_000
INDEX = "index.json"
# A frame of the live stream: what is replaced within one is never seen.
FRAME_MS = 50


class RecordingMachine(BaseModel):
    """What a recording was made on."""

    system: str
    release: str
    machine: str = Field(description="the processor's architecture")
    cpus: int
    memory_bytes: int


class RecordingHeader(BaseModel):
    """The first line of a recording: where, when and from which code it comes."""

    model_config = ConfigDict(extra="forbid")

    format: int = log.FORMAT
    experiment: ExperimentInfo
    params: dict[str, JsonValue]
    started_at: float
    date: str
    machine: RecordingMachine
    versions: dict[str, str]
    dataset: str
    model: str
    code_hash: str


def record(path: Path, info: ExperimentInfo, directory: Path) -> Path:
    """Write a succeeded run's log as the recording of its experiment; return the file.

    Raises:
        BrokenLogError: the log cannot be read, or does not fit `MAX_BYTES` however it is thinned.
        OSError: the file cannot be written.
    """
    header = _header(log.read_header(path), info).model_dump_json(by_alias=True)
    text = compact(header, list(log.read_events(path)))
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{info.name}.jsonl"
    write_atomically(path, text)
    index = sorted(file.stem for file in directory.glob("*.jsonl"))
    write_atomically(directory / INDEX, json.dumps(index) + "\n")
    return path


def compact(header: str, events: Sequence[Event], max_bytes: int = MAX_BYTES) -> str:
    """Return header and events as JSON Lines, thinned no more than `max_bytes` asks for.

    Raises:
        BrokenLogError: what may not be thinned is larger already.
    """
    window_ms = FRAME_MS
    while True:
        lines = [header, *(line.model_dump_json() for line in thin(events, window_ms))]
        text = "\n".join(lines) + "\n"
        if len(text.encode()) <= max_bytes:
            return text
        if events and window_ms > events[-1].t:
            raise BrokenLogError(
                f"The recording would have {len(text.encode()):,} bytes, {max_bytes:,} at most: "
                "record fewer rows."
            )
        window_ms *= 2


def thin(events: Iterable[Event], window_ms: int) -> list[Event]:
    """Keep the last event of each stage in every `window_ms` of the kinds that may be thinned.

    All others stay. Events are numbered again from 1; their times stay.
    """
    kept: list[Event] = []
    last: dict[tuple[Any, ...], int] = {}
    for event in events:
        if KINDS[event.kind].thinned:
            place = (event.kind, event.stage, event.t // window_ms)
            earlier = last.get(place)
            if earlier is not None:
                kept.pop(earlier)
                last = {k: i - (i > earlier) for k, i in last.items()}
            last[place] = len(kept)
        kept.append(event)
    return [event.model_copy(update={"seq": seq}) for seq, event in enumerate(kept, start=1)]


def _header(header: Header, info: ExperimentInfo) -> RecordingHeader:
    return RecordingHeader(
        experiment=info,
        params=header.params,
        started_at=header.started_at,
        date=header.date,
        machine=RecordingMachine.model_validate(header.machine),
        versions=header.versions,
        dataset=_public(header.dataset),
        model=_public(header.model),
        code_hash=header.code_hash,
    )


def _public(place: str) -> str:
    """Return a name as it is, and of a path its last part: the rest names this machine."""
    return Path(place).name if Path(place).is_absolute() else place
