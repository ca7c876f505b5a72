"""Which run begins when, and in which driver.

Everything that may change what should happen next ends in `reconcile`, which compares what is with
what should be and does the next thing; it is safe to call at any time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from pydantic import JsonValue

from demo_server.protocol import driver_messages
from demo_server.protocol.errors import Refusal
from demo_server.protocol.events import RunStatus, StatusData
from demo_server.protocol.frames import ErrorCode
from demo_server.runs.run import Run
from demo_server.runs.run_registry import RunRegistry
from demo_server.scheduling.active_run import ActiveRun
from demo_server.scheduling.admission import admit, admit_to_begin, check_action
from demo_server.scheduling.experiments import Experiments
from demo_server.scheduling.queue import RunQueue
from demo_server.scheduling.shutdown_report import object_store_bytes
from demo_server.scheduling.standby_pool import Driver, StandbyPool
from demo_server.scheduling.used_drivers import UsedDrivers

# A run does not share the cores with a standby that is not needed, and its first rows with none.
STANDBY_DELAY_S = 1.0
# A presenter who presses again does so by then; one standby is there.
REST_S = 3.0

log = logging.getLogger(__name__)


class Scheduler:
    """One run at a time, each in a driver process; a `client_connection.RunControl`.

    `ahead`: whether drivers are prepared for runs that nobody has asked for yet.
    """

    def __init__(self, runs: RunRegistry, standby_pool: StandbyPool, ahead: bool = True) -> None:
        self._runs, self._standby_pool, self._ahead = runs, standby_pool, ahead
        self.catalog = Experiments()
        self.on_change: Callable[[], None] = lambda: None
        self.on_computing: Callable[[bool], None] = lambda computing: None
        self._waiting = RunQueue(runs)
        self._active: ActiveRun | None = None
        self._drivers = UsedDrivers(standby_pool, self._start_task)
        self._ended_at = -REST_S  # on the loop's clock, in seconds
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        return self._active is not None or bool(self._waiting.line)

    @property
    def _unended(self) -> list[Run]:
        return [*([self._active.run] if self._active else []), *self._waiting.line]

    @property
    def idle_and_ready(self) -> bool:
        """Nothing runs or waits, and the next run could begin at once."""
        return not self.busy and self._standby_pool.has_ready

    # What presenters ask for

    def start(self, request_id: str, experiment: str, params: dict[str, JsonValue]) -> str:
        """Accept a run and return its id; the same request again gives the same run.

        Raises:
            Refusal: it cannot be run, and why.
        """
        known = self._runs.of_request(request_id)
        if known:
            return known
        cpus = self._standby_pool.ray.cpus
        description, whole = admit(self.catalog, experiment, params, cpus, self._will_hold())
        self._waiting.check_room()
        run = self._runs.accept(request_id, experiment, whole, description.code_hash)
        self._waiting.append(run, cpus)
        self._standby_pool.resume()
        self.reconcile()
        return run.run_id

    def cancel(self, run_id: str) -> None:
        """End a run now, by ending its driver's process group.

        Raises:
            Refusal: there is no such run, or it has ended.
        """
        run = self._runs.live(run_id)
        if self._active and run is self._active.run:
            held = self._active.driver is self._drivers.holder
            self._finish(
                RunStatus.CANCELLED,
                "Cancelled; what its driver held went with it." if held else "Cancelled.",
                driver_stays=False,
            )
        else:
            self._waiting.end(run, RunStatus.CANCELLED, "Cancelled before it began.")
        self.reconcile()

    def cancel_if_live(self, run_id: str) -> None:
        """Cancel a run unless it has ended."""
        if run_id in self._runs.active():
            self.cancel(run_id)

    def act(self, run_id: str, action: str, args: dict[str, JsonValue]) -> None:
        """Pass an action on to a running experiment.

        Raises:
            Refusal: there is no such run or action, or the run is not running.
        """
        run = self._runs.live(run_id)
        check_action(self.catalog.get(run.experiment), action)
        if self._active is None or run.status is not RunStatus.RUNNING:
            raise Refusal(ErrorCode.NOT_READY, "This run is not running yet.", "run_id")
        self._active.driver.send(driver_messages.ActCommand(action=action, args=args))

    def _will_hold(self) -> bool:
        """Return whether a result is held, or a run before this one may come to hold one."""
        return self._drivers.holder is not None or any(
            self.catalog.may_hold(run.experiment) for run in self._unended
        )

    # The life of the whole

    def open(self) -> None:
        """Begin, and reconcile every second."""
        self._start_task(self._tick_forever())
        self.reconcile()

    async def close(self) -> None:
        """End every run, every driver, and Ray where it is ours."""
        self._closing = True
        drivers = self._drivers.all | ({self._active.driver} if self._active else set())
        for run in self._unended:
            self._runs.append(
                run, StatusData(status=RunStatus.CANCELLED, reason="The server was ended.")
            )
        for driver in drivers:
            driver.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(self._standby_pool.close(), *(driver.gone() for driver in drivers))

    def ray_lost(self, reason: str) -> None:
        """Ray ended unexpectedly: the run has failed, and nothing is held any more."""
        self._standby_pool.ray_lost(reason)
        if holder := self._drivers.holder:
            self._drivers.kill(holder)
        if self._active:
            self._fail(reason, "Run it again: Ray is being started again.")
        self.reconcile()

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            if self._active and (why := self._active.overdue()):
                self._fail(*why)
            self.reconcile()

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What comes next

    def reconcile(self) -> None:
        """Compare what is with what should be, and do the next thing."""
        if self._closing:
            return
        if self._active is None and self._waiting.line:
            self._begin(self._waiting.line[0])
        self._standby_pool.reconcile(
            may_start_driver=self._may_start_driver(), changed=self.reconcile
        )
        self._waiting.report_places(self._standby_pool.status[1] if self._active is None else None)
        self.on_computing(self._active is not None and self._active.driver.ready is not None)
        self.on_change()

    def _may_start_driver(self) -> bool:
        if self._active is None:
            rested = asyncio.get_running_loop().time() - self._ended_at > REST_S
            wanted = self._ahead and (rested or not self._standby_pool.has_ready)
            return wanted or bool(self._waiting.line)
        needed = self._ahead and not self._active.alone and not self._standby_pool.has_any
        return needed and self._active.seconds > STANDBY_DELAY_S

    def _begin(self, run: Run) -> None:
        holder = self._drivers.holder
        try:
            description = admit_to_begin(self.catalog, run.experiment, holder is not None)
        except Refusal as refusal:
            self._waiting.end(run, RunStatus.FAILED, refusal.message)
            self.reconcile()
            return
        driver = (holder if description.uses_held else None) or self._standby_pool.acquire()
        if driver:
            cpus = self._waiting.remove(run)
            alone = description.needs.alone
            self._active = ActiveRun(self._runs, run, driver, cpus, alone=alone)
            if driver.ready:
                self._command(self._active)
            else:
                self._active.prioritize()

    def _command(self, active: ActiveRun) -> None:
        """Send the driver its command; a run that turns out to be impossible has failed."""
        try:
            active.command(self.catalog.get(active.run.experiment), self._standby_pool.ray)
        except Refusal as refusal:
            self._finish(RunStatus.FAILED, refusal.message, driver_stays=False)

    # What drivers report

    def receive(self, driver: Driver, message: driver_messages.Message) -> None:
        """Act on a driver's message."""
        if isinstance(message, driver_messages.Ready):
            self._standby_pool.driver_ready(message)
            if self._active and driver is self._active.driver:
                self._command(self._active)
            self.reconcile()
        elif isinstance(message, driver_messages.Ended) and self._standby_pool.is_standby(driver):
            self._standby_pool.driver_failed(message.reason or "A driver cannot start.")
        active = self._active
        if active is None or driver is not active.driver:
            return
        if isinstance(message, driver_messages.Emitted):
            active.receive(message)
        elif isinstance(message, driver_messages.Ended):
            self._ended(active, message)

    def _ended(self, active: ActiveRun, message: driver_messages.Ended) -> None:
        if message.end_ray:
            self._start_task(self._end_ray(active, message))
            return
        if not message.unharmed:
            self._drivers.mark_harmed(active.driver)
        if message.holds and message.status == "succeeded":
            self._drivers.hold(active.driver, active.run)
        self._finish(RunStatus(message.status), message.reason, driver_stays=True)
        self.reconcile()

    async def _end_ray(self, active: ActiveRun, message: driver_messages.Ended) -> None:
        """Finish `shutdown`: what the driver left is ended here, and what came back counted."""
        seen = object_store_bytes([r for r in (active.run, self._drivers.held) if r])
        ending = {d for d in (active.driver, self._drivers.holder) if d}
        self._drivers.drop_result()
        active.ending = True
        for driver in ending:
            self._drivers.dismiss(driver)
        await self._standby_pool.suspend()
        if self._active is not active:
            return
        if active.shutdown_report:
            await active.shutdown_report.report(self._runs, active.run, seen)
        self._finish(RunStatus(message.status), message.reason, driver_stays=False)
        if self._waiting.line:
            self._standby_pool.resume()
        self.reconcile()

    def driver_exited(self, driver: Driver, how: str) -> None:
        """A driver's process has ended."""
        self._drivers.exited(driver)
        if self._closing:
            return
        if self._standby_pool.is_standby(driver):
            self._standby_pool.driver_exited(driver, how)
        if self._active and driver is self._active.driver and not self._active.ending:
            self._fail(how, "Run it again; its last output is above.", driver.tail())
        self.reconcile()

    # How a run ends

    def _fail(self, reason: str, remedy: str, tail: str | None = None) -> None:
        if self._active is None:
            return
        self._active.report_failure(reason, remedy, tail)
        self._finish(RunStatus.FAILED, reason, driver_stays=False)

    def _finish(self, status: RunStatus, reason: str | None, *, driver_stays: bool) -> None:
        """End the active run; its driver is ended, unless `driver_stays`."""
        active, self._active = self._active, None
        assert active is not None
        self._ended_at = asyncio.get_running_loop().time()
        if driver_stays:
            self._drivers.free(active.driver)
        else:
            self._drivers.kill(active.driver)
        self._runs.append(active.run, StatusData(status=status, reason=reason))
        self._start_task(self._runs.trim(self._drivers.held))
