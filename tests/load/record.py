"""What the server said of each run, to whomever: compared with itself and with the logs."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo_server.protocol import event_kinds
from demo_server.protocol.events import Event
from demo_server.protocol.state import RunState
from demo_server.runs import fold, log

KEPT_FRAMES = 2048
KEPT_FOLDS = 1024


@dataclass
class ReceivedFrame:
    """One frame, parsed once for all clients that got the same."""

    type: str
    body: dict[str, Any]
    run_id: str = ""
    events: list[Event] = field(default_factory=list)
    state: RunState | None = None


class Record:
    """Every event and every snapshot that anybody was sent, each kept once."""

    def __init__(self) -> None:
        self.breaches: list[str] = []
        self._frames: OrderedDict[str, ReceivedFrame] = OrderedDict()
        self._events: dict[str, dict[int, tuple[dict[str, Any], Event]]] = {}
        self._folds: OrderedDict[tuple[int, int], tuple[RunState, ReceivedFrame, RunState]] = (
            OrderedDict()
        )
        self._snapshots: dict[tuple[str, int], str] = {}

    def receive(self, text: str) -> ReceivedFrame:
        """Parse a frame; one that was received before is not parsed again."""
        frame = self._frames.get(text)
        if frame:
            self._frames.move_to_end(text)
            return frame
        frame = self._parse(text)
        if frame.type in ("events", "snapshot"):
            self._frames[text] = frame
            if len(self._frames) > KEPT_FRAMES:
                self._frames.popitem(last=False)
        return frame

    def fold(self, onto: RunState, frame: ReceivedFrame) -> RunState:
        """Fold what follows of a frame onto a state, once for all that stand at that place."""
        key = (id(onto), id(frame))
        known = self._folds.get(key)
        if known is None:
            stages = {name: stage.model_copy() for name, stage in onto.stages.items()}
            state = onto.model_copy(update={"stages": stages})
            for event in frame.events:
                if event.seq == state.seq + 1:
                    fold.apply(state, event)
            # Both are kept with it: an id is an object's only as long as that lives.
            known = self._folds[key] = (onto, frame, state)
            if len(self._folds) > KEPT_FOLDS:
                self._folds.popitem(last=False)
        return known[2]

    def breach(self, what: str) -> None:
        """Note that the rule was broken."""
        self.breaches.append(what)

    def _parse(self, text: str) -> ReceivedFrame:
        body = json.loads(text)
        frame = ReceivedFrame(body["type"], body, body.get("run_id", ""))
        if frame.type == "events":
            frame.events = [self._event(frame.run_id, event) for event in body["events"]]
        elif frame.type == "snapshot":
            frame.state = RunState.model_validate(body["state"])
            key, digest = (frame.run_id, body["seq"]), _digest(frame.state)
            if frame.state.seq != body["seq"]:
                self.breach(f"{frame.run_id}: snapshot {body['seq']} holds seq {frame.state.seq}")
            if self._snapshots.setdefault(key, digest) != digest:
                self.breach(f"{frame.run_id}: snapshot {body['seq']} was sent with two contents")
        return frame

    def _event(self, run_id: str, body: dict[str, Any]) -> Event:
        known = self._events.setdefault(run_id, {})
        if body["seq"] not in known:
            known[body["seq"]] = body, event_kinds.event.validate_python(body)
        first, event = known[body["seq"]]
        if first != body:
            self.breach(f"{run_id}: seq {body['seq']} was sent with two contents")
        return event

    def compare_with_log(self, run_id: str, path: Path) -> RunState:
        """Compare all that was said of a run with its log; return the log's fold."""
        said = self._events.get(run_id, {})
        snapshots = {seq: digest for (run, seq), digest in self._snapshots.items() if run == run_id}
        state, ends = RunState(), 0
        for event in log.read_events(path):
            fold.apply(state, event)  # raises where a seq is missing or repeated
            told = said.get(event.seq)
            if told is not None and told[1] != event:
                self.breach(f"{run_id}: seq {event.seq} is another in the log")
            if event.seq in snapshots and snapshots[event.seq] != _digest(state):
                self.breach(f"{run_id}: snapshot {event.seq} is not the fold of the log up to it")
            ends += event.kind == "status" and event.data.status.ended
        beyond = [seq for seq in (*said, *snapshots) if seq > state.seq]
        if beyond:
            self.breach(f"{run_id}: seq {max(beyond)} was sent, the log ends at {state.seq}")
        if ends != 1:
            self.breach(f"{run_id}: its log has {ends} ends")
        return state

    @property
    def events(self) -> int:
        return sum(map(len, self._events.values()))

    @property
    def snapshots(self) -> int:
        return len(self._snapshots)


def _digest(state: RunState) -> str:
    return hashlib.sha256(state.model_dump_json().encode()).hexdigest()
