"""A client that checks the rule of a stream, in docs/architecture.md, and records violations."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from demo_server.protocol.state import RunState
from tests.load.record import ReceivedFrame, Record

# A tick is 0.1 s or longer, so that a generator that is late itself accuses nobody.
SILENT_TICKS = 21
WATCHED = 2
# States are shared between clients that stand at the same place, and never changed.
NOTHING = RunState()


class Follower:
    """For each watched run consecutive seqs from 1, or a snapshot at k and then k + 1."""

    def __init__(self, name: str, record: Record, token: str | None) -> None:
        self.name, self._record, self._token = name, record, token
        self.epoch: str | None = None
        self.states: dict[str, RunState] = {}
        self.accepted: dict[str, str] = {}
        self.welcomes = self.snapshots = self.events = 0
        self._send: Callable[[str], None] = lambda text: None
        self._watched: list[str] = []
        self._greeted: set[str] = set()
        self._welcomed = False
        self._asked_again: set[str] = set()
        self._quiet_ticks = 0

    @property
    def watched(self) -> list[str]:
        return list(self._watched)

    def forget(self) -> None:
        """Be as a browser that was just opened."""
        self.epoch = None
        self.states.clear()
        self._watched.clear()

    def opened(self, send: Callable[[str], None]) -> None:
        """A socket is open: say hello, with what is there."""
        self._send = send
        self._welcomed = False
        self._asked_again.clear()
        self._greeted = set(self._watched) if self.epoch else set()
        hello: dict[str, Any] = {"type": "hello", "token": self._token}
        if self.epoch:
            runs = {run_id: self._seq(run_id) for run_id in self._watched}
            hello["have"] = {"epoch": self.epoch, "runs": runs}
        send(json.dumps(hello))

    def ask_again(self, run_id: str, after: int) -> None:
        """Watch a run from an earlier place: what is there already comes a second time."""
        self._asked_again.add(run_id)
        self._send(json.dumps({"type": "watch", "run_id": run_id, "after": after}))

    def tick(self, excused: bool) -> None:
        """Count the time without a frame; a client that reads nothing has itself to blame."""
        self._quiet_ticks = 0 if excused else self._quiet_ticks + 1
        if self._quiet_ticks == SILENT_TICKS:
            self._breach("received nothing for 2 s")

    def take(self, text: str) -> None:
        """Take a frame as a slide does."""
        self._quiet_ticks = 0
        frame = self._record.receive(text)
        match frame.type:
            case "welcome":
                self._welcome(frame.body)
            case "run":
                self._learn(frame.body["run"]["run_id"])
            case "events":
                self._apply(frame)
            case "snapshot":
                self._replace(frame)
            case "beat":
                self._compare(frame.body)
            case "accepted":
                request_id, run_id = frame.body["request_id"], frame.body["run_id"]
                if self.accepted.setdefault(request_id, run_id) != run_id:
                    self._breach(f"request {request_id} started two runs")
            case "error":
                if frame.body["code"] != "already_ended":
                    self._breach(f"was refused: {frame.body['message']}")

    def _welcome(self, body: dict[str, Any]) -> None:
        self.welcomes += 1
        if body["epoch"] != self.epoch:
            self.states.clear()
            self.epoch = body["epoch"]
        for run in body["runs"][-WATCHED:]:
            self._learn(run["run_id"])
        for run_id in self._watched:
            if run_id not in self._greeted:
                self._watch(run_id)
        self._welcomed = True

    def _learn(self, run_id: str) -> None:
        """Watch a new run, and let the oldest of too many go."""
        if run_id in self._watched:
            return
        self._watched.append(run_id)
        if self._welcomed:
            self._watch(run_id)
        while len(self._watched) > WATCHED:
            gone = self._watched.pop(0)
            self.states.pop(gone, None)
            self._send(json.dumps({"type": "unwatch", "run_id": gone}))

    def _watch(self, run_id: str) -> None:
        watch = {"type": "watch", "run_id": run_id, "after": self._seq(run_id)}
        self._send(json.dumps(watch))

    def _apply(self, frame: ReceivedFrame) -> None:
        if frame.run_id not in self._watched:
            return
        state = self.states.get(frame.run_id, NOTHING)
        first = frame.events[0].seq
        if first > state.seq + 1:
            self._breach(f"{frame.run_id}: got seq {first} after {state.seq}: a gap")
            return
        if first <= state.seq and frame.run_id not in self._asked_again:
            self._breach(f"{frame.run_id}: got seq {first} after {state.seq}: a duplicate")
        after = self._record.fold(state, frame)
        self.events += after.seq - state.seq
        self.states[frame.run_id] = after

    def _replace(self, frame: ReceivedFrame) -> None:
        assert frame.state is not None
        if frame.run_id not in self._watched:
            return
        self.snapshots += 1
        if frame.state.seq < self._seq(frame.run_id) and frame.run_id not in self._asked_again:
            self._breach(f"{frame.run_id}: snapshot {frame.state.seq} goes back")
            return
        self.states[frame.run_id] = frame.state

    def _compare(self, beat: dict[str, Any]) -> None:
        if beat["epoch"] != self.epoch:
            self._breach(f"beat of epoch {beat['epoch']}, welcome of {self.epoch}")
        for run_id, seq in beat["runs"].items():
            known = run_id in self._watched and run_id not in self._asked_again
            if known and seq != self._seq(run_id):
                self._breach(f"{run_id}: the beat says {seq}, but {self._seq(run_id)} was sent")

    def _seq(self, run_id: str) -> int:
        state = self.states.get(run_id)
        return state.seq if state else 0

    def _breach(self, what: str) -> None:
        self._record.breach(f"{self.name} {what}")
