"""Presses an experiment's buttons in the middle of its run, for a recording made unattended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from demo_server.composition import Composition
from demo_server.protocol.events import Event, NoteData, ProgressData, RunStatus
from demo_server.runs.run import Run

SHARE = 0.4


class ActionPresser:
    """Presses each action once when `SHARE` of the rows are out.

    A note in the run names the command, so that a recording shows what happened.
    """

    def __init__(self, composition: Composition, actions: list[str]) -> None:
        self._composition = composition
        self.left = list(actions)
        """The actions that are still to be pressed."""

    def appended(self, run: Run, event: Event, encoded: str) -> None:
        if not self.left or run.status is not RunStatus.RUNNING:
            return
        match event.data:
            case ProgressData(rows=rows, total=int(total)) if SHARE * total <= rows < total:
                # Later: other listeners have not received this event yet.
                asyncio.get_running_loop().call_soon(self._press, run, self.left)
                self.left = []

    def _press(self, run: Run, actions: list[str]) -> None:
        for action in actions:
            text = f"`demo-server record` presses {action}."
            self._composition.runs.append(run, NoteData(text=text))
            self._composition.scheduler.act(run.run_id, action, {})


@contextmanager
def pressing(composition: Composition, actions: list[str]) -> Iterator[ActionPresser]:
    """Press `actions` in the run that is started within the block."""
    press = ActionPresser(composition, actions)
    composition.runs.on_event.append(press.appended)
    try:
        yield press
    finally:
        composition.runs.on_event.remove(press.appended)
