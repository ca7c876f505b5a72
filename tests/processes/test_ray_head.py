"""A head whose start is cancelled, in a terminal or a server, leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from demo_server.cli.terminal_run import open_composition
from demo_server.processes.ray_head import LocalHead, RayState
from demo_server.processes.state_file import ProcessSession, StateFile
from demo_server.scheduling.experiments import Experiments
from demo_server.system import process
from demo_server.system.settings import Settings
from tests.support.bounds import HANG_S
from tests.support.fakes import DESCRIPTIONS

Begun = Callable[[list[ProcessSession]], bool]


def runs(name: str) -> Begun:
    """Return whether a head has come so far that it runs this program."""

    def begun(sessions: list[ProcessSession]) -> bool:
        return any(
            name in " ".join(member.cmdline()[:1])
            for session in sessions
            for member in process.session_members(session.pid, session.started_at)
            if member.is_running()
        )

    return begun


# How far a start has come when it is cancelled.
STEPS: dict[str, Begun] = {
    "its process is there": bool,
    "the control service runs": runs("gcs_server"),
    "the raylet runs": runs("raylet"),
}


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(HANG_S):
        while True:
            if true():
                return
            await asyncio.sleep(0.01)


def left(sessions: list[ProcessSession]) -> list[object]:
    """Return the processes and directories of these sessions that are still there."""
    members = [m for s in sessions for m in process.session_members(s.pid, s.started_at)]
    return [*members, *(s.directory for s in sessions if Path(s.directory or "").exists())]


@pytest.mark.parametrize("step", STEPS)
async def test_a_start_that_is_cancelled_ends_what_it_began(step: str, tmp_path: Path) -> None:
    state = StateFile(tmp_path / "server.json")
    head = LocalHead(state, on_lost=pytest.fail, on_down=lambda: None)
    starting = asyncio.create_task(head.start())
    await until(lambda: STEPS[step](state.entry.sessions))
    sessions = list(state.entry.sessions)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert head.state is RayState.DOWN
    assert state.entry.sessions == []
    assert left(sessions) == []


@pytest.mark.parametrize("turns", range(6))
async def test_a_command_that_ends_while_ray_is_being_started_leaves_no_head(
    turns: int, tmp_path: Path
) -> None:
    experiments, others = Experiments(DESCRIPTIONS), heads()
    async with open_composition(Settings(cache=tmp_path), experiments) as composition:
        for _ in range(turns):  # of the event loop: each is another moment of the start
            await asyncio.sleep(0)
    assert composition.ray.state is RayState.DOWN
    assert heads() == others
    assert terminal_files(tmp_path) == []


def terminal_files(cache: Path) -> list[Path]:
    return list(cache.glob("terminal-*.json"))


def heads() -> list[psutil.Process]:
    """Return the heads that this process has started and that live."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "demo_server.ray_internals.head" in child.cmdline()]
