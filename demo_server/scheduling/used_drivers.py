"""The drivers that have run something: one may hold a result, and some are being ended."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from weakref import WeakSet

from demo_server.runs.run import Run
from demo_server.scheduling.standby_pool import Driver, StandbyPool


class UsedDrivers:
    """What becomes of a driver after its run.

    Attributes:
        holder: the driver that holds a result, for runs that ask about it.
        held: the run whose result that is.
    """

    def __init__(
        self, standby_pool: StandbyPool, start_task: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        self._standby_pool, self._start_task = standby_pool, start_task
        self.holder: Driver | None = None
        self.held: Run | None = None
        self._ending: set[Driver] = set()
        self._harmed = WeakSet[Driver]()  # by a run: they serve no other

    @property
    def all(self) -> set[Driver]:
        return self._ending | ({self.holder} if self.holder else set())

    def hold(self, driver: Driver, run: Run) -> None:
        """Keep a run's result in its driver; the one that held a result until now is free."""
        old, self.holder, self.held = self.holder, driver, run
        if old and old is not driver:
            self.free(old)

    def drop_result(self) -> None:
        """Hold nothing any more; its driver is not ended by that."""
        self.holder = self.held = None

    def mark_harmed(self, driver: Driver) -> None:
        """Have a driver run nothing else once it is free."""
        self._harmed.add(driver)

    def free(self, driver: Driver) -> None:
        """Keep a driver for another run, or end it; one that holds a result stays as it is."""
        if driver is self.holder:
            return
        if driver in self._harmed or not self._standby_pool.take_back(driver):
            self.dismiss(driver)

    def dismiss(self, driver: Driver) -> None:
        """Have a driver end itself."""
        self._ending.add(driver)
        self._start_task(driver.close())

    def kill(self, driver: Driver) -> None:
        """End a driver now, and with it a result that it holds."""
        driver.kill()
        self._ending.add(driver)
        if driver is self.holder:
            self.drop_result()

    def exited(self, driver: Driver) -> None:
        """A driver's process has ended."""
        self._ending.discard(driver)
        if driver is self.holder:
            self.drop_result()
