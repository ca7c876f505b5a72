"""Telling a pipeline that is slow from one that waits for what never comes."""

from __future__ import annotations

from demo_server.protocol.events import OperatorProgress
from demo_server.system.demo_error import DemoError
from demo_server.system.environment import stall_s

STALL_S = 60.0
# An actor that has work may be in one long batch: it gets longer.
BUSY_STALL_S = 300.0


class StalledError(DemoError):
    """Nothing moved in a pipeline for so long that it never will."""


class Stall:
    """Tells a pipeline that is slow from one that waits for what never comes."""

    def __init__(
        self, now: float, stall_s: float = STALL_S, busy_stall_s: float = BUSY_STALL_S
    ) -> None:
        self._moved_at = now
        self._operators: list[OperatorProgress] = []
        self._seen: object = None
        self._stall_s, self._busy_stall_s = stall_s, busy_stall_s

    def moved(self, now: float) -> None:
        """Something came out of it at `now` (seconds)."""
        self._moved_at = now

    def see(self, now: float, operators: list[OperatorProgress], finished: list[int]) -> None:
        """Compare rows, blocks and finished tasks with the last reading."""
        self._operators = operators
        seen = ([(o.rows, o.blocks, o.queued_blocks) for o in operators], finished)
        if seen != self._seen:
            self._seen = seen
            self.moved(now)

    def overdue(self, now: float, limit: float | None = None) -> str | None:
        """Return what it waits for if nothing has moved for too long, else None.

        `limit` in seconds; without one it depends on whether an actor has work.
        """
        busy = any(o.actors and o.active_tasks for o in self._operators)
        if limit is None:
            limit = self._busy_stall_s if busy else self._stall_s
        if now - self._moved_at < limit:
            return None
        return waiting_for(self._operators, limit)


def waiting_for(operators: list[OperatorProgress], seconds: float) -> str:
    """Return a sentence: what stands still, and how far it came."""
    unfinished = [o for o in operators if o.total_rows is None or o.rows < o.total_rows]
    rows = " and ".join(f"{o.rows:,} rows are out of {o.name}" for o in unfinished or operators)
    return f"The pipeline made no progress for {seconds:.0f} s: {rows}."


def stall_limits() -> tuple[float, float]:
    """Seconds without progress that end a run, and the same while an actor has work."""
    given = stall_s()
    return (STALL_S, BUSY_STALL_S) if given is None else (given, given)
