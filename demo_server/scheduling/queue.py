"""The runs that wait for their turn, each with its place and what it was admitted for."""

from __future__ import annotations

from demo_server.protocol.errors import Refusal
from demo_server.protocol.events import RunStatus, StatusData
from demo_server.protocol.frames import ErrorCode
from demo_server.runs.run import Run
from demo_server.runs.run_registry import RunRegistry

MAX_WAITING = 20


class RunQueue:
    """First come, first served."""

    def __init__(self, runs: RunRegistry) -> None:
        self._runs = runs
        self.line: list[Run] = []
        self._admitted_for: dict[str, float | None] = {}

    def check_room(self) -> None:
        """Refuse one run too many.

        Raises:
            Refusal: the queue is full.
        """
        if len(self.line) >= MAX_WAITING:
            raise Refusal(
                ErrorCode.QUEUE_FULL, f"{MAX_WAITING} runs wait already: cancel one or wait."
            )

    def append(self, run: Run, cpus: float | None) -> None:
        """Put a run at the end; `cpus` are the cluster's that it was checked against, if known."""
        self.line.append(run)
        self._admitted_for[run.run_id] = cpus

    def remove(self, run: Run) -> float | None:
        """Take a run out and return the CPUs that it was checked against."""
        self.line.remove(run)
        return self._admitted_for.pop(run.run_id)

    def end(self, run: Run, status: RunStatus, reason: str) -> None:
        """Take a run out that will not begin."""
        self.remove(run)
        self._runs.append(run, StatusData(status=status, reason=reason))

    def report_places(self, reason: str | None) -> None:
        """Report each run's place, and what the first waits for, where that has changed."""
        for place, run in enumerate(self.line, start=1):
            shown, why = run.state.status, reason if place == 1 else None
            if shown is None or (shown.place, shown.reason) != (place, why):
                self._runs.append(run, StatusData(status=RunStatus.QUEUED, reason=why, place=place))
