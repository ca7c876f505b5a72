"""What waits to be sent to one client, bounded by construction.

Events are not queued for each client: a client has a place in each run it watches, and what
follows is taken from the run when the socket is free. A client that falls too far behind gets one
snapshot of each watched run instead. What else a client gets is merged while it waits, so a
client that reads nothing costs no more memory than one that does.
"""

from __future__ import annotations

import json

from demo_server.protocol.frames import Beat, State
from demo_server.runs.run import Run
from demo_server.web import limits
from demo_server.web.shared_state import Patch, combine


class SendQueue:
    """Frames for one client, in order: replies, news, shared state, events, then the beat."""

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._replies: list[str] = []
        self._server: str | None = None
        self._runs: dict[str, str] = {}
        self._shared_state: dict[str, list[Patch]] = {}
        # The runs themselves: a client that watches a run receives its end, whatever the server
        # forgets. Nothing follows the end, and the run is released.
        self._watched: dict[str, tuple[Run | None, int]] = {}
        self._beat = False

    @property
    def full(self) -> bool:
        """Too many answers wait: the client's next frame must wait too."""
        return len(self._replies) >= limits.MAX_REPLIES

    @property
    def pending(self) -> bool:
        """There is something to send; a client without is not woken."""
        return bool(
            self._beat or self._replies or self._runs or self._server or self._shared_state
        ) or any(run is not None and run.seq > seq for run, seq in self._watched.values())

    @property
    def watched(self) -> dict[str, int]:
        """The watched runs, each at the last seq that was put into a frame."""
        return {run_id: seq for run_id, (_, seq) in self._watched.items()}

    def reply(self, frame: str) -> None:
        self._replies.append(frame)

    def server(self, frame: str) -> None:
        """Replace the server's status: only the newest counts."""
        self._server = frame

    def run(self, run_id: str, frame: str) -> None:
        self._runs[run_id] = frame

    def patch(self, channel: str, patch: Patch) -> None:
        """Add a patch of a channel to those that wait."""
        waiting, copied = self._shared_state.setdefault(channel, []), json.loads(json.dumps(patch))
        if not waiting or not combine(waiting[-1], copied):
            waiting.append(copied)

    def watch(self, run: Run, after: int) -> None:
        """Send the events of `run` after `after`; a seq that it hasn't reached gets a snapshot."""
        if after > run.seq:
            self._replies.append(run.snapshot_frame())
            after = run.seq
        self._watched[run.run_id] = run, after

    def unwatch(self, run_id: str) -> None:
        self._watched.pop(run_id, None)

    def beat(self) -> None:
        self._beat = True

    def drain(self) -> list[str]:
        """Return the frames to send now, and remove them."""
        frames, self._replies = self._replies, []
        frames += self._runs.values()
        self._runs.clear()
        if self._server:
            frames.append(self._server)
            self._server = None
        for channel, patches in self._shared_state.items():
            frames += [State(channel=channel, patch=p).model_dump_json() for p in patches]
        self._shared_state.clear()
        for run_id, (run, seq) in self._watched.items():
            if run is None:
                continue
            if run.seq > seq:
                frames.append(run.frame_after(seq))
            self._watched[run_id] = None if run.status.ended else run, run.seq
        if self._beat:
            frames.append(Beat(epoch=self._epoch, runs=self.watched).model_dump_json())
            self._beat = False
        return frames
