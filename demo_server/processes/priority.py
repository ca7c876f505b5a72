"""The CPU priority of the sessions that compute: below the browser's while a run goes on.

Linux may share the processors by session first (*autogroup*, `man 7 sched`): the nice value of
Ray's workers then counts in their session only, and on a machine with few cores and no graphics
card the page freezes. Where Linux does not, nothing is done.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from demo_server.processes.state_file import StateFile

# About a tenth of another session's share, where all need the processors.
NICE = 10
# Linux takes one change in 0.1 s from all users without root, and refuses others meanwhile.
RETRY_S = 0.1

log = logging.getLogger(__name__)


class Priority:
    """The nice values of the sessions in a state file: of Ray's head and of the drivers."""

    def __init__(self, state: StateFile) -> None:
        self._state = state
        self._wanted = 0
        self._nices: dict[int, int] = {}
        self._changing: asyncio.Task[None] | None = None

    def reconcile(self, computing: bool) -> None:
        """Lower the priority of all sessions while one is `computing`, of none otherwise.

        Not while Ray and drivers start: next to busy programs that would exceed their time.
        """
        self._wanted = NICE if computing else 0
        if self._differing() and (self._changing is None or self._changing.done()):
            self._changing = asyncio.create_task(self._change())

    def _differing(self) -> list[int]:
        sessions = (*self._state.entry.sessions, *self._state.entry.drivers)
        self._nices = {session.pid: self._nices.get(session.pid, 0) for session in sessions}
        return [leader for leader, nice in self._nices.items() if nice != self._wanted]

    async def _change(self) -> None:
        while differing := self._differing():
            leader, nice = differing[0], self._wanted
            try:
                set_nice(leader, nice)
            except BlockingIOError:
                await asyncio.sleep(RETRY_S)
                continue
            except ProcessLookupError:
                pass  # it has just ended
            except OSError as error:
                log.warning("Session %d keeps its share of the processors: %s", leader, error)
            self._nices[leader] = nice


def set_nice(leader: int, nice: int) -> None:
    """Set the nice value of the session that `leader` leads, among the sessions.

    Raises:
        BlockingIOError: Linux accepts no change so soon after another.
        ProcessLookupError: `leader` has ended.
        OSError: Linux refuses.
    """
    group = Path(f"/proc/{leader}/autogroup")
    if group.exists():
        group.write_text(str(nice))
