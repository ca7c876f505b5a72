"""A rehearsal: the run of every live slide once, timed and recorded."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo_server.cli.printers import RunPrinter
from demo_server.cli.terminal_run import load_experiments, open_composition, run_experiment
from demo_server.composition import Composition
from demo_server.protocol.errors import BrokenLogError, Refusal
from demo_server.protocol.events import RunStatus
from demo_server.protocol.findings import Finding
from demo_server.protocol.frames import ExperimentInfo
from demo_server.runs import recording
from demo_server.system.outline import Outline, OutlineError, read_outline
from demo_server.system.settings import Settings


@dataclass(frozen=True)
class Slot:
    """A slide that starts a run, with which parameters, and the seconds that it has."""

    experiment: str
    seconds: int
    params: dict[str, Any] = field(default_factory=dict)


def schedule(outline: Outline) -> list[Slot]:
    """Return the runs of the talk in their order."""
    return [
        Slot(slide.experiment, slide.seconds, slide.params)
        for slide in outline.slides
        if slide.in_talk and slide.starts and slide.experiment and slide.seconds is not None
    ]


def compare_time(slot: Slot, seconds: float) -> Finding:
    """Return whether a run of `seconds` fits its slide."""
    message = f"{seconds:.0f} s of the {slot.seconds} s that its slide has"
    if seconds <= slot.seconds:
        return Finding(name=slot.experiment, ok=True, message=f"{message}.")
    return Finding(
        name=slot.experiment,
        ok=False,
        message=f"{message}: too long.",
        remedy="Set fewer rows on its slide, or give the slide more time in its front matter.",
    )


async def rehearse(settings: Settings, root: Path) -> AsyncIterator[Finding]:
    """Run the talk once, in one session on Ray, and keep each run as its recording."""
    try:
        slots = schedule(read_outline(settings.dist, root))
    except OutlineError as error:
        yield Finding(name="deck", ok=False, message=str(error))
        return
    experiments = await load_experiments(settings)
    infos = {info.name: info for info in experiments.infos}
    async with open_composition(settings, experiments) as composition:
        for slot in slots:
            info = infos[slot.experiment]
            async for finding in _rehearse_one(composition, slot, info, root):
                yield finding


async def _rehearse_one(
    composition: Composition, slot: Slot, info: ExperimentInfo, root: Path
) -> AsyncIterator[Finding]:
    name, printer = slot.experiment, RunPrinter(results=sys.stderr)
    try:
        run_id = await run_experiment(composition, name, slot.params, printer)
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
