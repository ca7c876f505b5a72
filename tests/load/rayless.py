"""A real server whose runs come from the fake driver: thousands of events without Ray.

Everything but the driver and Ray is the product's own. Run as a program of its own, with the
options of `demo-server serve`.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from demo_server.cli.options import ServeOptions, SourceOptions, invoke, new_app, with_options
from demo_server.composition import Composition
from demo_server.processes.calibration import KEY, Calibration
from demo_server.processes.ray_head import Ray, RayState, Usage
from demo_server.processes.state_file import StateFile
from demo_server.protocol.driver_messages import Description, Descriptions, Needs
from demo_server.server import serve
from demo_server.system.settings import Settings
from tests.support.fakes import FAKE_DRIVER

MAX_DOES = 4000


class NoRay:
    """A Ray that is always up and never there."""

    ours = True
    local = True
    address = "127.0.0.1:1"
    cpus: float | None = 4.0

    def __init__(self) -> None:
        self.state = RayState.UP

    def env(self) -> dict[str, str]:
        return {}

    async def start(self) -> None:
        self.state = RayState.UP

    async def stop(self) -> None:
        self.state = RayState.DOWN

    async def usage(self) -> Usage:
        return Usage(0, 0)


def _describe() -> Descriptions:
    """One experiment, whose `does` tells the fake driver what to do."""
    does = {"type": "string", "maxLength": MAX_DOES}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"does": does},
        "required": ["does"],
        "additionalProperties": False,
    }
    embed = Description(
        name="embed",
        title="Embed",
        schema=schema,
        defaults={"does": "plan progress:3 end"},
        regions={},
        code_hash="0" * 64,
        needs=Needs(),
        actions=["poke"],
    )
    return Descriptions(experiments=[embed])


def _composition(settings: Settings, state: StateFile) -> Composition:
    def command(ray: Ray, settings: Settings) -> list[str]:
        return [sys.executable, str(FAKE_DRIVER)]

    async def nothing() -> None: ...

    composition = Composition(settings, state, ray=NoRay(), command=command)
    # The machine counts as measured first: the key of what is described depends on that.
    key = Calibration(settings, NoRay(), nothing).key()
    settings.machine_file.write_text(json.dumps({KEY: key}))
    descriptions = _describe().model_dump(by_alias=True)
    described = {"key": composition.describer.key(), "descriptions": descriptions}
    composition.describer.path.write_text(json.dumps(described))
    return composition


def main() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s: %(message)s", level=logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    app = new_app()
    app.command(help=__doc__)(with_options(source=SourceOptions, options=ServeOptions)(_serve))
    invoke(app, "rayless", sys.argv[1:])


def _serve(source: SourceOptions, options: ServeOptions) -> None:
    settings = options.settings(source)
    settings.cache.mkdir(parents=True, exist_ok=True)
    serve(settings, _composition)


if __name__ == "__main__":
    main()
