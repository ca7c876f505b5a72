"""`demo-server record`: runs that are kept as the deck's recordings."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from demo_server.cli.press_actions import pressing
from demo_server.cli.printers import RunPrinter
from demo_server.cli.terminal_run import (
    EXIT_CODES,
    load_experiments,
    open_composition,
    run_experiment,
)
from demo_server.composition import Composition
from demo_server.protocol.errors import BrokenLogError
from demo_server.protocol.events import RunStatus
from demo_server.protocol.frames import ExperimentInfo
from demo_server.runs import recording
from demo_server.scheduling.experiments import Experiments
from demo_server.system.settings import Settings


def record(settings: Settings, names: Sequence[str], rows: int | None, out: Path) -> int:
    """Run experiments one after the other, write a recording of each, and return the exit code.

    They share one session, so that one may read what another has left in memory; an experiment's
    actions are pressed in the middle of its run. The first failure ends it; recordings that were
    written before stay.

    Raises:
        DescribeError: the experiments cannot be read.
        Refusal: a run cannot be started.
    """
    experiments = asyncio.run(load_experiments(settings))
    for name in names:
        experiments.get(name)  # an unknown name is refused before anything runs
    try:
        return EXIT_CODES[asyncio.run(_record_all(settings, experiments, names, rows, out))]
    except (BrokenLogError, OSError) as error:
        _print(f"The recording cannot be written: {error}")
        return EXIT_CODES[RunStatus.FAILED]


async def _record_all(
    settings: Settings, experiments: Experiments, names: Sequence[str], rows: int | None, out: Path
) -> RunStatus:
    infos = {info.name: info for info in experiments.infos}
    async with open_composition(settings, experiments) as composition:
        for name in names:
            has_rows = "rows" in experiments.get(name).schema_.get("properties", {})
            given = rows if has_rows else None
            status = await _record_one(composition, infos[name], given, out)
            if status is not RunStatus.SUCCEEDED:
                return status
    return RunStatus.SUCCEEDED


async def _record_one(
    composition: Composition, info: ExperimentInfo, rows: int | None, out: Path
) -> RunStatus:
    printer = RunPrinter()
    params = {} if rows is None else {"rows": rows}
    with pressing(composition, info.actions) as presses:
        run_id = await run_experiment(composition, info.name, params, printer)
    if printer.status is not RunStatus.SUCCEEDED:
        _print(f"{info.name} is not recorded.")
        return printer.status
    if presses.left:
        left = ", ".join(presses.left)
        _print(
            f"{info.name} is not recorded: the run ended before {left} could be pressed. Give it "
            "more --rows."
        )
        return RunStatus.FAILED
    path = recording.record(composition.runs.archive.log_path(run_id), info, out)
    _print(f"Recorded: {path} ({path.stat().st_size / 1000:.0f} kB)")
    return RunStatus.SUCCEEDED


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
