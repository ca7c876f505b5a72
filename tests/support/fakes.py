"""What stands in for Ray, for the driver and for the experiments in tests of the server."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from demo_server.processes.ray_head import Ray, RayState, Usage
from demo_server.protocol.driver_messages import Description, Descriptions, Needs
from demo_server.protocol.errors import RayStartError
from demo_server.system.settings import Settings

FAKE_DRIVER = Path(__file__).with_name("fake_driver.py")


class FakeRay:
    """A Ray whose start and end the test decides."""

    ours = True
    local = True
    address = "127.0.0.1:1"

    def __init__(self, cpus: float | None = 4, state: RayState = RayState.UP) -> None:
        self.cpus, self.state = cpus, state
        self.starts, self.stops = 0, 0
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.trouble: str | None = None

    def env(self) -> dict[str, str]:
        return {}

    async def start(self) -> None:
        self.starts += 1
        self.state = RayState.STARTING
        await self.may_start.wait()
        if self.trouble:
            self.state = RayState.DOWN
            raise RayStartError(self.trouble)
        self.state = RayState.UP

    async def stop(self) -> None:
        self.stops += 1
        self.state = RayState.DOWN

    async def usage(self) -> Usage:
        up = self.state is RayState.UP
        return Usage(processes=8, memory_bytes=700) if up else Usage(0, 0)


def description(name: str, **changes: Any) -> Description:
    """An experiment whose `does` tells the fake driver what to do."""
    properties = {
        "does": {"type": "string", "maxLength": 200},
        "rows": {"type": "integer", "minimum": 1, "maximum": 5000, "description": "how many"},
        "concurrency": {"type": "integer", "minimum": 1, "maximum": 64},
        "num_cpus": {"type": "integer", "minimum": 1, "maximum": 64},
    }
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    fields: dict[str, Any] = {
        "name": name,
        "title": name.title(),
        "schema": schema,
        "defaults": {"does": "plan progress:3 end", "rows": 10, "concurrency": 1, "num_cpus": 1},
        "regions": {},
        "code_hash": "0" * 64,
        "needs": Needs(actors="concurrency", cpus_per_actor="num_cpus"),
        "actions": ["poke"],
    }
    return Description.model_validate({**fields, **changes})


DESCRIPTIONS = Descriptions(
    experiments=[
        description("embed"),
        description("show", uses_held=True, needs=Needs()),
        description("shutdown", uses_held=True, needs=Needs()),
    ]
)


def fake_command(ray: Ray, settings: Settings) -> list[str]:
    return [sys.executable, str(FAKE_DRIVER)]
