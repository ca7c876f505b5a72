"""What the next runs need before anybody asks: Ray up, and drivers connected to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

from demo_server.processes.ray_head import Ray, RayState
from demo_server.protocol import driver_messages
from demo_server.protocol.errors import RayStartError
from demo_server.protocol.frames import ServerStatus

READY_TIMEOUT_S = 90.0
RETRY_S = 5.0
MAX_RETRY_S = 60.0

log = logging.getLogger(__name__)


class Driver(Protocol):
    """A driver process; see `processes.driver.DriverProcess`."""

    ready: driver_messages.Ready | None
    last_message_at: float
    ended: bool

    @property
    def stopped(self) -> bool: ...

    def send(self, command: driver_messages.Command) -> None: ...

    def kill(self) -> None: ...

    async def close(self) -> None: ...

    async def gone(self) -> None: ...

    def tail(self) -> str: ...


class Spawn(Protocol):
    """Starts a driver process that connects to this Ray."""

    def __call__(self, ray: Ray) -> Driver: ...


@dataclass(frozen=True)
class Standby:
    """A driver that waits for a run."""

    driver: Driver
    since: float  # on the loop's clock, in seconds

    @property
    def ready(self) -> bool:
        return self.driver.ready is not None


class StandbyPool:
    """Keeps Ray up and standby drivers, replaced when the code they imported has changed."""

    def __init__(
        self, ray: Ray, spawn: Spawn, code_version: Callable[[], object], standbys: int
    ) -> None:
        self.ray = ray
        self._spawn, self._code_version = spawn, code_version
        self._standbys: list[Standby] = []
        # The version that each driver has imported, also of those that were acquired.
        self._code: WeakKeyDictionary[Driver, object] = WeakKeyDictionary()
        # Those that started before Ray: a run may have taken one by the time that Ray is up.
        self._waiting_for_ray: list[Driver] = []
        self._wanted = standbys
        self._retry_at = 0.0
        self._failures = 0
        self._starting: asyncio.Task[None] | None = None
        self.trouble: str | None = None
        self.cluster: driver_messages.Ready | None = None
        self.suspended = False

    @property
    def has_ready(self) -> bool:
        """A run could begin at once."""
        return any(standby.ready for standby in self._standbys)

    @property
    def has_any(self) -> bool:
        return bool(self._standbys)

    def is_standby(self, driver: Driver) -> bool:
        return any(standby.driver is driver for standby in self._standbys)

    @property
    def status(self) -> tuple[ServerStatus, str | None]:
        """How ready it is, and why not, in a sentence for the slide."""
        if self.trouble:
            return ServerStatus.DEGRADED, self.trouble
        if self.suspended:
            return ServerStatus.READY, "Ray is shut down; the next run brings it back."
        if self.ray.state is not RayState.UP:
            return ServerStatus.STARTING, "Ray is starting."
        if self.cluster is None:
            return ServerStatus.STARTING, "The first driver is connecting to Ray."
        return ServerStatus.READY, None

    def resume(self) -> None:
        """A run waits: bring Ray back, and try again at once what failed before."""
        self.suspended = False
        self._retry_at = 0.0

    def reconcile(self, may_start_driver: bool, changed: Callable[[], None]) -> None:
        """Start what is missing; `changed` is called when something came of it."""
        now = asyncio.get_running_loop().time()
        for standby in self._standbys:
            if not standby.ready and now - standby.since > READY_TIMEOUT_S:
                # Its end comes back as `driver_exited`, with what it printed.
                standby.driver.kill()
        if self.suspended or now < self._retry_at:
            return
        if self.ray.state is RayState.DOWN and self._starting is None:
            self._starting = asyncio.create_task(self._start_ray(changed))
        elif self.ray.state in (RayState.STARTING, RayState.UP) and may_start_driver:
            # A driver imports for seconds: those pass while Ray starts. One at a time: the first
            # is ready sooner.
            waiting = len(self._standbys)
            if waiting == 0 or (waiting < self._wanted and self._standbys[-1].ready):
                self._start_driver()

    def acquire(self) -> Driver | None:
        """Return a standby, which may not be ready yet; None while there can be none."""
        code = self._code_version()
        if any(self._code[standby.driver] != code for standby in self._standbys):
            log.info("the code has changed: the standby drivers are replaced")
            self.discard()
        if self.ray.state is not RayState.UP:
            return None
        if not self._standbys:
            if asyncio.get_running_loop().time() < self._retry_at:
                return None
            self._start_driver()
        standby = next((one for one in self._standbys if one.ready), self._standbys[0])
        self._standbys.remove(standby)
        return standby.driver

    def take_back(self, driver: Driver) -> bool:
        """Make a driver that was acquired a standby again; False where none is wanted."""
        if self.suspended or self.ray.state is not RayState.UP or driver.ended:
            return False
        if self._code[driver] != self._code_version():
            return False
        if len(self._standbys) >= self._wanted:
            starting = next((one for one in self._standbys if not one.ready), None)
            if starting is None:
                return False
            self._standbys.remove(starting)
            starting.driver.kill()
        driver.send(driver_messages.ReleaseCommand())
        self._standbys.append(Standby(driver, asyncio.get_running_loop().time()))
        return True

    def discard(self) -> None:
        """End the standbys."""
        while self._standbys:
            self._standbys.pop().driver.kill()

    def driver_ready(self, message: driver_messages.Ready) -> None:
        """A driver has connected: this Ray works."""
        self.cluster = message
        self.ray.cpus = message.cpus
        self.trouble = None
        self._failures = 0

    def driver_failed(self, reason: str) -> None:
        """A standby reports why it cannot begin; the others could not either."""
        self.discard()
        self._fail(reason)

    def driver_exited(self, driver: Driver, how: str) -> None:
        """A standby ended by itself."""
        self._standbys = [standby for standby in self._standbys if standby.driver is not driver]
        what = "A driver cannot start." if driver.ready is None else "A driver ended unasked."
        tail = driver.tail()
        self._fail(f"{what} {how} {tail.splitlines()[-1] if tail else ''}".strip())

    def ray_lost(self, reason: str) -> None:
        """Ray is gone: everything that was connected goes too."""
        self.discard()
        self.cluster = None
        self._fail(f"{reason} It is started again.")
        self._retry_at = 0.0

    async def suspend(self) -> None:
        """End the standbys and Ray, until `resume`."""
        self.suspended = True
        self.discard()
        self.cluster = None
        await self.ray.stop()

    async def close(self) -> None:
        """End all of it for good."""
        self.suspended = True
        if self._starting:  # it ends what it began, before anything else may
            self._starting.cancel()
            await asyncio.wait({self._starting})
        drivers = [standby.driver for standby in self._standbys]
        self.discard()
        await asyncio.gather(self.ray.stop(), *(driver.gone() for driver in drivers))

    def _start_driver(self) -> None:
        code, now = self._code_version(), asyncio.get_running_loop().time()
        driver = self._spawn(self.ray)
        self._code[driver] = code
        self._standbys.append(Standby(driver, now))
        if self.ray.state is not RayState.UP:
            self._waiting_for_ray.append(driver)

    async def _start_ray(self, changed: Callable[[], None]) -> None:
        starting, trouble = asyncio.create_task(self.ray.start()), self.trouble
        try:
            await asyncio.sleep(0)  # its address is known now
            changed()
            await starting
        except RayStartError as error:
            self.discard()  # the next Ray has another address
            self._fail(str(error))
        else:
            if self.trouble == trouble:  # what a driver has reported since is still true
                self.trouble = None
            for driver in self._waiting_for_ray:
                driver.send(driver_messages.ConnectCommand())
        finally:
            if starting.cancel():  # this was cancelled itself, before it waited for that
                await asyncio.wait({starting})
            self._waiting_for_ray.clear()
            self._starting = None
        changed()

    def _fail(self, reason: str) -> None:
        log.error("%s", reason)
        self.trouble = reason
        wait = min(MAX_RETRY_S, RETRY_S * 2**self._failures)
        self._failures += 1
        self._retry_at = asyncio.get_running_loop().time() + wait
