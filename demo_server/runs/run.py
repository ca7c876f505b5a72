"""One run in memory: its folded state, and the newest events already encoded for the wire."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from demo_server.protocol.base import Frame
from demo_server.protocol.event_kinds import EVENTS
from demo_server.protocol.events import Event, RunStatus
from demo_server.protocol.frames import RunInfo, Snapshot
from demo_server.protocol.state import RunState
from demo_server.runs import fold

MAX_TAIL_BYTES = 1024 * 1024
MAX_LAG_BYTES = 512 * 1024


@dataclass
class Run:
    """A run that can be watched.

    Memory stays flat: of the events only a bounded tail is kept, and whoever is further behind
    gets the folded state in one snapshot.
    """

    run_id: str
    request_id: str
    experiment: str
    params: dict[str, Any]
    started_at: float
    state: RunState = field(default_factory=RunState)
    _tail: deque[str] = field(default_factory=deque)
    _tail_bytes: int = 0
    _frames: dict[int, str] = field(default_factory=dict)
    _snapshot: str | None = None

    @property
    def seq(self) -> int:
        return self.state.seq

    @property
    def status(self) -> RunStatus:
        return self.state.status.status if self.state.status else RunStatus.QUEUED

    @property
    def info(self) -> RunInfo:
        return RunInfo(
            run_id=self.run_id,
            experiment=self.experiment,
            params=self.params,
            status=self.status,
            seq=self.seq,
            started_at=self.started_at,
        )

    def append(self, data: Frame, t: int, stage: str | None = None) -> tuple[Event, str]:
        """Add the next event; return it, and encoded. Nothing may follow the last status."""
        event = EVENTS[type(data)].model_validate(
            {"seq": self.state.seq + 1, "t": max(t, self.state.t), "stage": stage, "data": data}
        )
        fold.apply(self.state, event)
        encoded = event.model_dump_json()
        self._tail.append(encoded)
        self._tail_bytes += len(encoded)
        while self._tail_bytes > MAX_TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft())
        self._frames.clear()
        self._snapshot = None
        return event, encoded

    def frame_after(self, seq: int) -> str:
        """Return the frame that takes a client from `seq` to now: events, or one snapshot.

        Encoded once for all clients that stand at the same place.
        """
        if seq not in self._frames:
            self._frames[seq] = self._events_frame(seq) or self.snapshot_frame()
        return self._frames[seq]

    def snapshot_frame(self) -> str:
        """Return the folded state as one encoded frame."""
        if self._snapshot is None:
            frame = Snapshot(run_id=self.run_id, seq=self.seq, state=self.state)
            self._snapshot = frame.model_dump_json()
        return self._snapshot

    def forget_tail(self) -> None:
        """Drop the encoded events: from now on a client that is behind gets a snapshot."""
        self._tail.clear()
        self._tail_bytes = 0
        self._frames.clear()
        self._snapshot = None

    def _events_frame(self, seq: int) -> str | None:
        missing = self.seq - seq
        if not 0 < missing <= len(self._tail):
            return None
        events = [self._tail[-i] for i in range(missing, 0, -1)]
        if sum(map(len, events)) > MAX_LAG_BYTES:
            return None
        return f'{{"type":"events","run_id":"{self.run_id}","events":[{",".join(events)}]}}'
