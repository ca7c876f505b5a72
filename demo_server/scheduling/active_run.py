"""The one run that is being worked on, and the driver that works on it."""

from __future__ import annotations

import asyncio

from demo_server.processes.ray_head import Ray
from demo_server.protocol import driver_messages
from demo_server.protocol.events import KINDS, RunStatus
from demo_server.runs.registry import RunRegistry
from demo_server.runs.run import Run
from demo_server.scheduling.admission import SHUTDOWN
from demo_server.scheduling.experiments import check_feasible
from demo_server.scheduling.shutdown_report import ShutdownReport
from demo_server.scheduling.standby_pool import Driver

# A driver says every second that it lives; a stopped one never dies by itself.
SILENCE_S = 6.0
LATE_S = 3.0


class ActiveRun:
    """A run from `starting` on: its driver is told what to do, and heard."""

    def __init__(self, runs: RunRegistry, run: Run, driver: Driver, *, alone: bool) -> None:
        self._runs, self.run, self.driver, self.alone = runs, run, driver, alone
        self.since = self._looked_at = asyncio.get_running_loop().time()
        self.shutdown_report: ShutdownReport | None = None
        self.ending = False  # Ray is being ended for it: its driver may go
        waits = None if driver.ready else "A driver is starting."
        runs.status(run, RunStatus.STARTING, waits)

    def command(self, description: driver_messages.Description, ray: Ray) -> None:
        """Tell the driver, which is ready, what to do.

        Raises:
            Refusal: the cluster, known only now, is too small for it.
        """
        assert self.driver.ready is not None
        check_feasible(description, self.run.params, self.driver.ready.cpus)
        self.driver.last_heard = asyncio.get_running_loop().time()
        if self.run.experiment == SHUTDOWN:
            self.shutdown_report = ShutdownReport(ray)
        command = driver_messages.RunCommand(
            run_id=self.run.run_id,
            experiment=self.run.experiment,
            params=self.run.params,
            directory=str(self._runs.archive.directory(self.run.run_id)),
        )
        self.driver.send(command)

    def emitted(self, message: driver_messages.Emitted) -> None:
        """Take an event from the driver."""
        kind = KINDS.get(message.kind)
        if self.run.status is RunStatus.STARTING and kind and kind.means_work:
            self._runs.status(self.run, RunStatus.RUNNING)
        self._runs.append(self.run, message.kind, message.data, message.stage)

    def failed(self, reason: str, remedy: str, tail: str | None = None) -> None:
        """Say that the driver, not the experiment, has failed."""
        failure = {"exception": "DriverDied", "message": reason, "cause": tail, "remedy": remedy}
        self._runs.append(self.run, "failure", failure)

    @property
    def seconds(self) -> float:
        return asyncio.get_running_loop().time() - self.since

    def is_silent(self) -> bool:
        """Tell, asked every second, whether the driver, ready once, has said nothing for long."""
        now = asyncio.get_running_loop().time()
        late, self._looked_at = now - self._looked_at > LATE_S, now
        if late:  # this process stood still, and what the driver said meanwhile is still unread
            self.driver.last_heard = now
        return self.driver.ready is not None and now - self.driver.last_heard > SILENCE_S
