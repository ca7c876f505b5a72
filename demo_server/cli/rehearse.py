"""A rehearsal: the run of every live slide once, timed and recorded."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from demo_server.cli.printers import RunPrinter
from demo_server.cli.run import load_experiments, open_composition, run_experiment
from demo_server.composition import Composition
from demo_server.protocol.errors import BrokenLogError, Refusal
from demo_server.protocol.events import RunStatus
from demo_server.protocol.findings import Finding
from demo_server.protocol.frames import ExperimentInfo
from demo_server.runs import recording
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


def compare_time(slot: Slot, seconds: float) -> Finding:
    """Return whether a run of `seconds` fits its slide."""
    message = f"{seconds:.0f} s of the {slot.seconds} s that its slide has"
    if seconds <= slot.seconds:
        return Finding(name=slot.experiment, ok=True, message=f"{message}.")
    return Finding(
        name=slot.experiment,
        ok=False,
        message=f"{message}: too long.",
        remedy="Set fewer rows on its slide, or give the slide more time in its notes.",
    )


async def rehearse(settings: Settings, root: Path) -> AsyncIterator[Finding]:
    """Run the main path once, in one session on Ray, and keep each run as its recording."""
    experiments = await load_experiments(settings)
    infos = {info.name: info for info in experiments.infos}
    async with open_composition(settings, experiments) as composition:
        for slot in schedule(root / "slides"):
            info = infos[slot.experiment]
            async for finding in _rehearse_one(composition, slot, info, root):
                yield finding


async def _rehearse_one(
    composition: Composition, slot: Slot, info: ExperimentInfo, root: Path
) -> AsyncIterator[Finding]:
    name, printer = slot.experiment, RunPrinter(results=sys.stderr)
    try:
        run_id = await run_experiment(composition, name, {}, printer)
    except Refusal as refusal:
        yield _problem(name, refusal.message)
        return
    run = composition.runs.loaded(run_id)
    if printer.status is not RunStatus.SUCCEEDED or run is None:
        yield _problem(name, f"The run {printer.status.value}; its last messages are above.")
        return
    yield compare_time(slot, run.state.t / 1000)
    try:
        log = composition.runs.archive.log_path(run_id)
        recording.record(log, info, root / "public" / "recordings")
    except (BrokenLogError, OSError) as error:
        yield _problem(name, f"The recording cannot be written: {error}")


def _problem(name: str, message: str) -> Finding:
    return Finding(name=name, ok=False, message=message, remedy="Fix that and rehearse again.")
