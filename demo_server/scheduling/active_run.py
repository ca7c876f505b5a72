"""The one run that is being worked on, and the driver that works on it."""

from __future__ import annotations

import asyncio

from demo_server.processes.ray_head import Ray
from demo_server.protocol import driver_messages
from demo_server.protocol.driver_messages import Description
from demo_server.protocol.event_kinds import KINDS
from demo_server.protocol.events import FailureData, RunStatus, StatusData
from demo_server.runs.run import Run
from demo_server.runs.run_registry import RunRegistry
from demo_server.scheduling.admission import SHUTDOWN
from demo_server.scheduling.feasibility import check_feasible
from demo_server.scheduling.shutdown_report import ShutdownReport
from demo_server.scheduling.standby_pool import READY_TIMEOUT_S, Driver
from demo_server.system.cpu_reading import CpuReading
from demo_server.system.cpus import idle_seconds

# A driver reports every second that it lives; a stopped one never ends by itself.
SILENCE_S = 6.0
LATE_S = 3.0


class ActiveRun:
    """A run from `starting` on, and what its driver reports."""

    def __init__(
        self,
        runs: RunRegistry,
        run: Run,
        driver: Driver,
        admitted_for: float | None,
        *,
        alone: bool,
    ) -> None:
        self._runs, self.run, self.driver, self.alone = runs, run, driver, alone
        self.admitted_for = admitted_for  # the CPUs that it was checked against
        self.since = asyncio.get_running_loop().time()
        self._cpus = CpuReading(self.since, idle_seconds())
        self.shutdown_report: ShutdownReport | None = None
        self.ending = False  # Ray is being ended for it: its driver may go
        waits = None if driver.ready else "A driver is starting."
        runs.append(run, StatusData(status=RunStatus.STARTING, reason=waits))

    def prioritize(self) -> None:
        """Have the driver, which is not ready, prepare for this run first."""
        run = self.run
        self.driver.send(
            driver_messages.PrioritizeCommand(experiment=run.experiment, params=run.params)
        )

    def command(self, description: Description, ray: Ray) -> None:
        """Send the driver, which is ready, its command.

        Raises:
            Refusal: the cluster, known only now, is too small.
        """
        assert self.driver.ready is not None
        cpus = self.driver.ready.cpus
        if self.admitted_for != cpus:
            check_feasible(description, self.run.params, cpus)
        self.driver.last_message_at = asyncio.get_running_loop().time()
        if self.run.experiment == SHUTDOWN:
            self.shutdown_report = ShutdownReport(ray)
        command = driver_messages.RunCommand(
            run_id=self.run.run_id,
            experiment=self.run.experiment,
            params=self.run.params,
            directory=str(self._runs.archive.directory(self.run.run_id)),
        )
        self.driver.send(command)

    def receive(self, message: driver_messages.Emitted) -> None:
        """Append an event of the driver; the first that means work ends `starting`."""
        if self.run.status is RunStatus.STARTING and KINDS[message.kind].means_work:
            self._runs.append(self.run, StatusData(status=RunStatus.RUNNING))
        self._runs.append(self.run, message.data, message.stage)

    def report_failure(self, reason: str, remedy: str, tail: str | None = None) -> None:
        """Report that the driver, not the experiment, has failed."""
        failure = FailureData(exception="DriverDied", message=reason, cause=tail, remedy=remedy)
        self._runs.append(self.run, failure)

    @property
    def seconds(self) -> float:
        return asyncio.get_running_loop().time() - self.since

    def overdue(self) -> tuple[str, str, str | None] | None:
        """Return why its driver is to be ended, what to do, and its last output; ask every second.

        None while nothing is wrong.
        """
        if self.driver.ready is None and self.seconds > READY_TIMEOUT_S:
            reason = f"Its driver was not ready after {READY_TIMEOUT_S:.0f} s and was ended."
            return reason, "Run it again; its last output is above.", self.driver.tail()
        if self.is_silent():
            reason = f"The driver sent nothing for {SILENCE_S:.0f} s and was ended."
            return reason, "Run it again, with a smaller batch.", None
        return None

    def is_silent(self) -> bool:
        """Return whether the driver, once ready, has sent nothing for long; ask every second.

        Time in which no CPU was idle doesn't count: it may have got none. A stopped one wants none.
        """
        now = asyncio.get_running_loop().time()
        earlier, self._cpus = self._cpus, CpuReading(now, idle_seconds())
        passed = now - earlier.at
        starved = self._cpus.all_busy_since(earlier) and not self.driver.stopped
        if passed > LATE_S:  # this process stood still, and what the driver sent is still unread
            self.driver.last_message_at = now
        elif starved:
            self.driver.last_message_at = min(now, self.driver.last_message_at + passed)
        return self.driver.ready is not None and now - self.driver.last_message_at > SILENCE_S
