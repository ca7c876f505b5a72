"""The buttons that `demo-server record` presses."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from demo_server.cli.press_actions import pressing
from demo_server.protocol.events import (
    ProgressData,
    RunStatus,
    StatusData,
)
from demo_server.runs import log
from demo_server.runs.archive import Archive
from demo_server.runs.run_registry import RunRegistry


class Recorded:
    """A run and who may act in it; the conductor only notes what it is asked."""

    def __init__(self, directory: Path) -> None:
        self.runs = RunRegistry(Archive(directory), None, None, 10**9)
        self.scheduler = SimpleNamespace(act=lambda *asked: self.acted.append(asked))
        self.acted: list[Any] = []
        self.run = self.runs.accept("r", "recovery", {}, "c0de")

    async def goes_on(self, *rows: int) -> None:
        for out in rows:
            self.runs.append(self.run, ProgressData(rows=out, total=100))
            await asyncio.sleep(0)


async def test_each_button_is_pressed_once_in_the_middle_and_a_note_names_the_command(
    tmp_path: Path,
) -> None:
    recorded = Recorded(tmp_path)
    with pressing(recorded, ["kill_worker"]) as press:  # type: ignore[arg-type]
        await recorded.goes_on(90)  # it does not run yet
        recorded.runs.append(recorded.run, StatusData(status=RunStatus.RUNNING))
        await recorded.goes_on(0, 39)
        assert recorded.acted == []
        await recorded.goes_on(41, 60, 100)
    assert recorded.acted == [(recorded.run.run_id, "kill_worker", {})]
    assert press.left == []
    events = log.read_events(recorded.runs.archive.log_path(recorded.run.run_id))
    notes = [event.data.text for event in events if event.kind == "note"]
    assert notes == ["`demo-server record` presses kill_worker."]


async def test_a_run_that_is_over_at_once_leaves_its_buttons_unpressed(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    with pressing(recorded, ["kill_worker"]) as press:  # type: ignore[arg-type]
        recorded.runs.append(recorded.run, StatusData(status=RunStatus.RUNNING))
        await recorded.goes_on(0, 100)
    assert press.left == ["kill_worker"]
    assert recorded.acted == []
