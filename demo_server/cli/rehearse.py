"""The talk given once without an audience: every live slide's run, timed and recorded."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from demo_server.cli.run import BarPrinter, read_catalog, run_one, working
from demo_server.protocol.errors import Refusal
from demo_server.protocol.events import RunStatus
from demo_server.protocol.findings import Finding
from demo_server.runs import recording
from demo_server.runs.log import BrokenLogError
from demo_server.system.settings import Settings

_SOURCE = re.compile(r"^src: \./(parts/\S+\.md)$", re.MULTILINE)
# The main path ends with this chapter; what is appended behind it has no schedule.
_LAST = "parts/closing.md"
_MARK = re.compile(
    r'<LiveRun\s+experiment="(?P<experiment>\w+)"|(?P<controls><RunControls)'
    r"|^\[(?P<minutes>\d+):(?P<seconds>[0-5]\d)\]$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Slot:
    """A slide that starts a run, and the seconds that its notes give it."""

    experiment: str
    seconds: int


def schedule(slides: Path) -> list[Slot]:
    """Return the runs of the main path in order, read from the slides' own source.

    Raises:
        OSError: a chapter cannot be read.
    """
    slots = list[Slot]()
    for part in _SOURCE.findall((slides / "slides.md").read_text(encoding="utf-8")):
        slots += slots_of((slides / part).read_text(encoding="utf-8"))
        if part == _LAST:
            break
    return slots


def slots_of(chapter: str) -> list[Slot]:
    """Return a chapter's runs: each slide's time stands in the notes that end it."""
    found, experiment, starts = list[Slot](), "", False
    for mark in _MARK.finditer(chapter):
        if mark["experiment"]:
            experiment = mark["experiment"]
        elif mark["controls"]:
            starts = True
        else:
            if starts:
                found.append(Slot(experiment, int(mark["minutes"]) * 60 + int(mark["seconds"])))
            experiment, starts = "", False
    return found


def in_time(slot: Slot, seconds: float) -> Finding:
    """Say whether a run of `seconds` fits its slide."""
    says = f"{seconds:.0f} s of the {slot.seconds} s that its slide has"
    if seconds <= slot.seconds:
        return Finding(name=slot.experiment, ok=True, says=f"{says}.")
    return Finding(
        name=slot.experiment,
        ok=False,
        says=f"{says}: too long.",
        remedy="Set fewer rows on its slide, or give the slide more time in its notes.",
    )


async def rehearse(settings: Settings, root: Path) -> AsyncIterator[Finding]:
    """Run the main path once, in one session on Ray, and keep each run as its recording."""
    catalog = await read_catalog(settings)
    infos = {info.name: info for info in catalog.infos}
    async with working(settings, catalog) as composition:
        for slot in schedule(root / "slides"):
            name, printer = slot.experiment, BarPrinter(sys.stderr, sys.stderr)
            try:
                run_id = await run_one(composition, name, {}, printer)
            except Refusal as refusal:
                yield Finding(name=name, ok=False, says=refusal.message, remedy="Mend that first.")
                continue
            run = composition.runs.loaded(run_id)
            if printer.status is not RunStatus.SUCCEEDED or run is None:
                says = f"The run {printer.status.value}; its last words are above."
                yield Finding(
                    name=name, ok=False, says=says, remedy="Mend that and rehearse again."
                )
                continue
            yield in_time(slot, run.state.t / 1000)
            try:
                log = composition.runs.archive.log_path(run_id)
                recording.record(log, infos[name], root / "public" / "recordings")
            except (BrokenLogError, OSError) as error:
                says = f"The recording cannot be written: {error}"
                yield Finding(
                    name=name, ok=False, says=says, remedy="Mend that and rehearse again."
                )
