"""Measures this machine once, while nothing runs, so that the defaults fit it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from demo_server.processes.module_runner import run_module
from demo_server.processes.ray_head import Ray
from demo_server.protocol.driver_messages import DriverOptions
from demo_server.protocol.errors import ModuleError
from demo_server.system import machine
from demo_server.system.cpus import usable_cpus
from demo_server.system.files import write_atomically
from demo_server.system.settings import Settings

TIMEOUT_S = 300.0  # four engines, each a start and six steady seconds
KEY = "measured_for"

log = logging.getLogger(__name__)


class Calibration:
    """Runs `calibrate` in the background; a run that starts ends it, and it is tried again."""

    def __init__(self, settings: Settings, ray: Ray, done: Callable[[], Awaitable[None]]) -> None:
        self._settings, self._ray, self._done = settings, ray, done
        self._task: asyncio.Task[None] | None = None
        self._given_up = False

    @property
    def path(self) -> Path:
        return self._settings.machine_file

    def needed(self) -> bool:
        """Return whether there is no measurement for this machine, model and data."""
        if self._given_up or self._task is not None:
            return False
        try:
            known = json.loads(self.path.read_text()).get(KEY)
        except (OSError, ValueError, AttributeError):
            return True
        return bool(known != self.key())

    def start(self) -> None:
        self._task = asyncio.create_task(self._measure())

    def interrupt(self) -> None:
        """End the measurement now: a run has precedence."""
        if self._task:
            self._task.cancel()
            self._task = None

    async def _measure(self) -> None:
        try:
            options = DriverOptions(
                ray_address=self._ray.address,
                inputs=self._settings.inputs,
                users_cluster=not self._ray.local,
            )
            text = await run_module(
                "demo_server.driver.calibrate",
                [options.model_dump_json()],
                TIMEOUT_S,
                self._ray.env(),
            )
            measured = json.loads(text.strip().splitlines()[-1])
            measured[KEY] = self.key()
            write_atomically(self.path, json.dumps(measured))
        except (ModuleError, OSError, ValueError, IndexError, TypeError) as error:
            # Defaults without a measurement are good enough: log it, and do not try again.
            log.warning("this machine could not be measured: %s", error)
            self._given_up = True
            return
        finally:
            self._task = None
        await self._done()

    def key(self) -> str:
        of = [
            self._settings.inputs.model_dump_json(),
            str(usable_cpus()),
            os.uname().machine,
        ]
        versions = [f"{name} {version}" for name, version in machine.versions().items()]
        return hashlib.sha256(json.dumps([*of, *versions]).encode()).hexdigest()[:16]
