"""The preflight checks: everything that the talk depends on, each with a remedy for a problem.

Nothing is assumed: what this process cannot know is checked by a driver's process, asked of the
running server, or tried. Each check has a time limit.
"""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from demo_server.processes.module_runner import run_module
from demo_server.protocol.errors import ModuleError
from demo_server.protocol.event_kinds import event
from demo_server.protocol.events import RunStatus
from demo_server.protocol.findings import Finding, Findings
from demo_server.protocol.frames import ServerStatus
from demo_server.runs.recording import RecordingHeader
from demo_server.system.addresses import LOOPBACK
from demo_server.system.checkout import ROOT
from demo_server.system.code_version import code_hash
from demo_server.system.digest import unchanged
from demo_server.system.memory import available_bytes
from demo_server.system.outline import OutlineError, read_outline
from demo_server.system.settings import Settings

LOAD_S = 120.0
GB = 1e9
# Ray, two drivers and the prestarted workers take 3 to 4 GB; a running server has them already.
FREE_MEMORY = {False: 4 * GB, True: 1 * GB}
FREE_DISK = 2 * GB


@dataclass(frozen=True)
class Serving:
    """The running server, as far as the checks need to know."""

    url: str
    status: ServerStatus
    reason: str | None
    share_url: str | None
    visited_at: float | None  # Unix time in seconds


async def preflight(settings: Settings, serving: Serving | None) -> AsyncIterator[Finding]:
    """Yield the finding of each check, the quick ones first; Ray only where a server runs it."""
    yield port(settings.port, serving)
    yield memory(available_bytes(), serving is not None)
    settings.cache.mkdir(parents=True, exist_ok=True)
    yield disk(shutil.disk_usage(settings.cache).free)
    yield deck(settings.dist)
    yield recordings(settings.dist, ROOT)
    for finding in await data_and_model(settings):
        yield finding
    if serving is not None:
        yield ray_of(serving)
        if serving.share_url is not None:
            yield phone(serving)


def port(number: int, serving: Serving | None) -> Finding:
    """Check that the deck can have its port."""
    if serving is not None:
        return Finding(name="port", ok=True, message=f"The deck is served at {serving.url}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, number))
        except OSError as error:
            return Finding(
                name="port",
                ok=False,
                message=f"Port {number} cannot be used: {(error.strerror or str(error)).lower()}.",
                remedy="End what uses it, or choose another: npm start -- --port 8123.",
            )
    return Finding(name="port", ok=True, message=f"Port {number} is free.")


def memory(available: float, served: bool) -> Finding:
    """Check that `available` bytes of memory are enough for what is still to be started."""
    wanted = FREE_MEMORY[served]
    message = f"{available / GB:.1f} GB of memory are free"
    if available >= wanted:
        return Finding(name="memory", ok=True, message=f"{message}.")
    return Finding(
        name="memory",
        ok=False,
        message=f"{message}; the talk needs {wanted / GB:.0f} GB.",
        remedy="Close other programs, browsers first.",
    )


def disk(free: float) -> Finding:
    """Check that `free` bytes are enough for the logs and results of a talk."""
    message = f"{free / GB:.1f} GB of disk are free"
    if free >= FREE_DISK:
        return Finding(name="disk", ok=True, message=f"{message}.")
    return Finding(
        name="disk",
        ok=False,
        message=f"{message}; logs and results need {FREE_DISK / GB:.0f} GB.",
        remedy="Delete files that you don't need: below 2 GB a run may not be recorded.",
    )


def deck(dist: Path, root: Path = ROOT) -> Finding:
    """Check that the deck was built from the slides and experiments as they are now."""
    remedy = "Run npm start: it builds the deck again."
    try:
        built = dict(json.loads((dist / ".built.json").read_text(encoding="utf-8"))["sources"])
    except FileNotFoundError:
        return Finding(name="deck", ok=False, message="The deck is not built.", remedy=remedy)
    except (OSError, ValueError, KeyError, TypeError):
        message = "The deck has no record of what it was built from."
        return Finding(name="deck", ok=False, message=message, remedy=remedy)
    if not unchanged(root, built):
        message = "The deck is older than its slides or the code that they show."
        return Finding(name="deck", ok=False, message=message, remedy=remedy)
    return Finding(name="deck", ok=True, message="The deck is built from the current code.")


def recordings(dist: Path, root: Path) -> Finding:
    """Check that every live slide has a complete recording, made by the current code."""
    try:
        wanted = sorted(read_outline(dist, root).experiments)
    except OutlineError as error:
        return Finding(name="recordings", ok=False, message=str(error))
    bad = {name: why for name in wanted if (why := _problem_of(root, name))}
    if not bad:
        message = f"{len(wanted)} recordings, each complete and of the current code."
        return Finding(name="recordings", ok=True, message=message)
    return Finding(
        name="recordings",
        ok=False,
        message=" ".join(f"{name} {why}." for name, why in bad.items()),
        remedy=f"Run .venv/bin/demo-server record {' '.join(wanted)}",
    )


def _problem_of(root: Path, name: str) -> str | None:
    """Return what is wrong with an experiment's recording, as the end of a sentence."""
    try:
        lines = (root / f"public/recordings/{name}.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return "has none"
    except (OSError, ValueError) as error:
        return f"cannot be read: {error}"
    try:
        header = RecordingHeader.model_validate_json(lines[0])
        events = [event.validate_json(line) for line in lines[1:]]
    except (ValueError, IndexError):
        return "has a line that is not valid"
    if [one.seq for one in events] != list(range(1, len(events) + 1)):
        return "has missing events"
    last = events[-1] if events else None
    if last is None or last.kind != "status" or last.data.status is not RunStatus.SUCCEEDED:
        return "stops before the end of its run"
    if header.code_hash != code_hash(root / "demo_server/experiments", name):
        return "was made by older code"
    return None


async def data_and_model(settings: Settings) -> list[Finding]:
    """Load data and model without a network, in a process of the driver's."""
    try:
        options = [settings.inputs.model_dump_json()]
        text = await run_module("demo_server.driver.inputs", options, LOAD_S)
        return Findings.model_validate_json(text.strip().splitlines()[-1]).findings
    except (ModuleError, ValueError, IndexError) as error:
        message = f"Data and model could not be checked: {error}"
        return [
            Finding(
                name="data", ok=False, message=message, remedy="Run npm start: it repairs .venv."
            )
        ]


def ray_of(serving: Serving) -> Finding:
    """Check that the running server's Ray can start a run."""
    if serving.status is ServerStatus.READY:
        return Finding(
            name="Ray", ok=True, message=serving.reason or "Ray runs, and a driver is ready."
        )
    return Finding(
        name="Ray",
        ok=False,
        message=serving.reason or f"The server is {serving.status.value}.",
        remedy="Wait a moment and check again; if that does not help, restart npm start.",
    )


def phone(serving: Serving) -> Finding:
    """Check that a device has opened the address that the audience is shown."""
    if serving.visited_at is not None:
        message = f"A device has opened {serving.share_url}."
        return Finding(name="phone", ok=True, message=message)
    return Finding(
        name="phone",
        ok=False,
        message=f"No device has opened {serving.share_url} yet.",
        remedy="Open it on a phone; if it does not load there, the network isolates its clients: "
        "use a hotspot of your own, or --public-url with a tunnel.",
    )
