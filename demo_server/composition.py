"""Runs, drivers and Ray wired together, without any socket."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

from demo_server.processes.descriptions import Describer
from demo_server.processes.driver import DriverProcess, driver_command
from demo_server.processes.driver_forks import DriverForks
from demo_server.processes.priority import Priority
from demo_server.processes.ray_head import LocalHead, Ray, UserCluster
from demo_server.processes.state_file import StateFile
from demo_server.runs.archive import Archive
from demo_server.runs.run_registry import RunRegistry
from demo_server.scheduling.scheduler import Scheduler
from demo_server.scheduling.standby_pool import StandbyPool
from demo_server.system.code_version import code_version
from demo_server.system.fork_server import FORKS
from demo_server.system.memory import memory_bytes, standbys_for
from demo_server.system.settings import Settings


class Composition:
    """What a server and a run in a terminal share; `ahead` as `Scheduler` has it."""

    def __init__(
        self,
        settings: Settings,
        state: StateFile,
        ray: Ray | None = None,
        command: Callable[[Ray, Settings], list[str]] = driver_command,
        ahead: bool = True,
    ) -> None:
        self.settings = settings
        self.runs = RunRegistry(
            Archive(settings.runs),
            settings.inputs.dataset,
            settings.inputs.model,
            settings.runs_bytes,
        )
        self._command, self._state = command, state
        forkable = FORKS and command is driver_command
        self._forks = DriverForks(code_version, state) if forkable else None
        self.ray = ray or self._own_ray(state)
        self._numbers = itertools.count(1)
        standbys = standbys_for(memory_bytes())
        self.standby_pool = StandbyPool(self.ray, self._spawn, code_version, standbys)
        self.scheduler = Scheduler(self.runs, self.standby_pool, ahead)
        self.scheduler.on_computing = Priority(state).reconcile
        self.describer = Describer(settings)

    async def close(self) -> None:
        """End every run, every driver, and Ray where it is ours."""
        await self.scheduler.close()
        if self._forks:
            await self._forks.close()

    def _own_ray(self, state: StateFile) -> Ray:
        if self.settings.ray_address:
            return UserCluster(self.settings.ray_address)
        return LocalHead(
            state,
            on_lost=lambda reason: self.scheduler.ray_lost(reason),
            on_down=lambda: self.scheduler.reconcile(),
        )

    def _spawn(self, ray: Ray) -> DriverProcess:
        driver = DriverProcess(
            self.scheduler.receive, self.scheduler.driver_exited, self._state, self._forks
        )
        output = self.settings.cache / "drivers" / f"{os.getpid()}-{next(self._numbers)}.out"
        driver.start(self._command(ray, self.settings), ray.env(), output)
        return driver
