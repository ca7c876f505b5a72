"""Before the talk: everything it stands on, looked at; each with a remedy where it would fail.

Nothing here is assumed: what cannot be seen from this process is asked of a process of the
driver's, of the running server, or tried. Each look has an end.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from demo_server.processes.module_runner import ModuleError, run_module
from demo_server.protocol.events import RunStatus, event
from demo_server.protocol.findings import Finding, Findings
from demo_server.protocol.frames import ServerStatus
from demo_server.runs.recording import RecordingHeader
from demo_server.system.addresses import LOOPBACK
from demo_server.system.checkout import ROOT
from demo_server.system.code_version import code_hash
from demo_server.system.settings import Settings

LOAD_S = 120.0
GB = 1e9
# Ray, two drivers and the workers that stand ready take 3 to 4 GB; what runs has taken its part.
FREE_MEMORY = {False: 4 * GB, True: 1 * GB}
FREE_DISK = 2 * GB
# As scripts/setup/deck.mjs has them: what the deck is built from.
DECK_SOURCES = ("slides", "public", "demo_server/experiments", "package-lock.json")
_PASSED_OVER = {"node_modules", "__pycache__", "dist"}
_LIVE = re.compile(r'<LiveRun\s+experiment="(\w+)"')


@dataclass(frozen=True)
class Serving:
    """The server that runs, as far as the looks need to know."""

    url: str
    status: ServerStatus
    reason: str | None
    share_url: str | None
    visited_at: float | None  # Unix time in seconds


async def preflight(settings: Settings, serving: Serving | None) -> AsyncIterator[Finding]:
    """Look at everything but a Ray that no server has started; the quick first."""
    yield port(settings.port, serving)
    yield memory(psutil.virtual_memory().available, serving is not None)
    settings.cache.mkdir(parents=True, exist_ok=True)
    yield disk(shutil.disk_usage(settings.cache).free)
    yield deck(settings.dist)
    yield recordings(ROOT)
    for finding in await data_and_model(settings):
        yield finding
    if serving is not None:
        yield ray_of(serving)
        if serving.share_url is not None:
            yield phone(serving)


def port(number: int, serving: Serving | None) -> Finding:
    """Whether the deck has its port."""
    if serving is not None:
        return Finding(name="port", ok=True, says=f"The deck is served at {serving.url}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, number))
        except OSError as error:
            return Finding(
                name="port",
                ok=False,
                says=f"Port {number} cannot be used: {(error.strerror or str(error)).lower()}.",
                remedy="End what uses it, or choose another: npm start -- --port 8123.",
            )
    return Finding(name="port", ok=True, says=f"Port {number} is free.")


def memory(available: float, served: bool) -> Finding:
    """Whether `available` bytes of memory are enough for what is still to be started."""
    wanted = FREE_MEMORY[served]
    says = f"{available / GB:.1f} GB of memory are free"
    if available >= wanted:
        return Finding(name="memory", ok=True, says=f"{says}.")
    return Finding(
        name="memory",
        ok=False,
        says=f"{says}; the talk wants {wanted / GB:.0f} GB.",
        remedy="Close other programs, browsers first.",
    )


def disk(free: float) -> Finding:
    """Whether `free` bytes are enough for the logs and results of a talk."""
    says = f"{free / GB:.1f} GB of disk are free"
    if free >= FREE_DISK:
        return Finding(name="disk", ok=True, says=f"{says}.")
    return Finding(
        name="disk",
        ok=False,
        says=f"{says}; logs and results want {FREE_DISK / GB:.0f} GB.",
        remedy="Remove what you can spare: below 2 GB a run may not be recorded.",
    )


def deck(dist: Path, root: Path = ROOT) -> Finding:
    """Whether the built deck is of the slides and experiments as they are now."""
    remedy = "Run npm start: it builds the deck anew."
    try:
        built = json.loads((dist / ".built.json").read_text(encoding="utf-8"))["sources"]
    except FileNotFoundError:
        return Finding(name="deck", ok=False, says="The deck is not built.", remedy=remedy)
    except (OSError, ValueError, KeyError, TypeError):
        says = "The deck does not say what it was built from."
        return Finding(name="deck", ok=False, says=says, remedy=remedy)
    if built != sources_digest(root):
        says = "The deck is older than its slides or experiments."
        return Finding(name="deck", ok=False, says=says, remedy=remedy)
    return Finding(name="deck", ok=True, says="The deck is built from the current code.")


def sources_digest(root: Path) -> str:
    """Return the digest that a build stamps the deck with; as `digest` in scripts/setup/stamp.mjs.

    SHA-256 over name, length and content of every file, directories in the order of their names.
    """
    digest = hashlib.sha256()
    for path in (file for source in DECK_SOURCES for file in _files(root, source)):
        content = (root / path).read_bytes()
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _files(root: Path, path: str) -> Iterator[str]:
    full = root / path
    if not full.exists():
        return
    if not full.is_dir():
        yield path
        return
    for name in sorted(entry.name for entry in full.iterdir()):
        if name not in _PASSED_OVER and not name.startswith("."):
            yield from _files(root, f"{path}/{name}")


def recordings(root: Path) -> Finding:
    """Whether every live slide has a whole recording, made by the current code."""
    wanted = sorted(
        {
            name
            for part in [root / "slides/slides.md", *(root / "slides/parts").glob("*.md")]
            for name in _LIVE.findall(part.read_text(encoding="utf-8"))
        }
    )
    bad = {name: why for name in wanted if (why := _trouble_with(root, name))}
    if not bad:
        says = f"{len(wanted)} recordings, each whole and of the current code."
        return Finding(name="recordings", ok=True, says=says)
    return Finding(
        name="recordings",
        ok=False,
        says=" ".join(f"{name} {why}." for name, why in bad.items()),
        remedy=f"Run .venv/bin/demo-server record {' '.join(wanted)}",
    )


def _trouble_with(root: Path, name: str) -> str | None:
    """Return why the recording of an experiment is not good, as the end of a sentence."""
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
        return "has a line that is none of a recording"
    if [one.seq for one in events] != list(range(1, len(events) + 1)):
        return "lacks events"
    last = events[-1] if events else None
    if last is None or last.kind != "status" or last.data.status is not RunStatus.SUCCEEDED:
        return "does not come to its end"
    if header.code_hash != code_hash(root / "demo_server/experiments", name):
        return "is of older code"
    return None


async def data_and_model(settings: Settings) -> list[Finding]:
    """Load data and model with no network, in a process of the driver's."""
    try:
        options = [settings.inputs.model_dump_json()]
        text = await run_module("demo_server.driver.inputs", options, LOAD_S)
        return Findings.model_validate_json(text.strip().splitlines()[-1]).findings
    except (ModuleError, ValueError, IndexError) as error:
        says = f"Data and model could not be looked at: {error}"
        return [
            Finding(name="data", ok=False, says=says, remedy="Run npm start: it repairs .venv.")
        ]


def ray_of(serving: Serving) -> Finding:
    """Whether the running server's Ray takes runs."""
    if serving.status is ServerStatus.READY:
        return Finding(name="Ray", ok=True, says=serving.reason or "Ray is up, a driver waits.")
    return Finding(
        name="Ray",
        ok=False,
        says=serving.reason or f"The server is {serving.status.value}.",
        remedy="Wait a moment and look again; if it stays, end npm start and begin anew.",
    )


def phone(serving: Serving) -> Finding:
    """Whether a device has opened the address that the audience is shown."""
    if serving.visited_at is not None:
        says = f"A device has opened {serving.share_url}."
        return Finding(name="phone", ok=True, says=says)
    return Finding(
        name="phone",
        ok=False,
        says=f"Nobody has opened {serving.share_url} yet.",
        remedy="Open it on a phone; if it does not load there, the network keeps guests apart: "
        "use a hotspot of your own, or --public-url with a tunnel.",
    )
