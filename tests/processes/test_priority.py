"""The priority of sessions that compute, on a Linux that only records what was set."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from demo_server.processes import priority
from demo_server.processes.priority import NICE, Priority
from demo_server.processes.state_file import ProcessSession, StateFile


class Linux:
    """What the sessions' nice values were set to; a fake, as only a user without root is refused.

    `refusals`: what the next changes meet instead.
    """

    def __init__(self) -> None:
        self.nices: dict[int, int] = {}
        self.refusals: list[OSError] = []
        self.changes = 0

    def set_nice(self, leader: int, nice: int) -> None:
        self.changes += 1
        if self.refusals:
            raise self.refusals.pop(0)
        self.nices[leader] = nice


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> Linux:
    made = Linux()
    monkeypatch.setattr(priority, "set_nice", made.set_nice)
    monkeypatch.setattr(priority, "RETRY_S", 0.001)
    return made


@pytest.fixture
def state(tmp_path: Path) -> StateFile:
    made = StateFile(tmp_path / "server.json")
    made.add(ProcessSession(pid=1, started_at=0.0))
    made.add_driver(ProcessSession(pid=2, started_at=0.0))
    return made


async def test_the_head_and_each_driver_get_a_lower_priority_while_one_computes(
    linux: Linux, state: StateFile
) -> None:
    ranks = Priority(state)
    ranks.reconcile(computing=True)
    await asyncio.sleep(0.01)
    assert linux.nices == {1: NICE, 2: NICE}
    state.add_driver(ProcessSession(pid=3, started_at=0.0))
    ranks.reconcile(computing=True)
    await asyncio.sleep(0.01)
    assert linux.nices == {1: NICE, 2: NICE, 3: NICE}
    ranks.reconcile(computing=False)
    await asyncio.sleep(0.01)
    assert linux.nices == {1: 0, 2: 0, 3: 0}


async def test_what_starts_while_none_computes_is_unchanged(linux: Linux, state: StateFile) -> None:
    Priority(state).reconcile(computing=False)
    await asyncio.sleep(0.01)
    assert linux.changes == 0


async def test_a_change_that_linux_puts_off_is_made_later(linux: Linux, state: StateFile) -> None:
    linux.refusals = [BlockingIOError(), BlockingIOError()]
    Priority(state).reconcile(computing=True)
    await asyncio.sleep(0.05)
    assert linux.nices == {1: NICE, 2: NICE}


async def test_a_run_that_ends_before_all_gave_way_leaves_none_behind(
    linux: Linux, state: StateFile
) -> None:
    linux.refusals = [BlockingIOError()]
    ranks = Priority(state)
    ranks.reconcile(computing=True)
    await asyncio.sleep(0)
    ranks.reconcile(computing=False)
    await asyncio.sleep(0.05)
    assert set(linux.nices.values()) <= {0}


async def test_a_driver_that_has_just_ended_does_no_harm(
    linux: Linux, state: StateFile, caplog: pytest.LogCaptureFixture
) -> None:
    linux.refusals = [ProcessLookupError()]
    Priority(state).reconcile(computing=True)
    await asyncio.sleep(0.01)
    assert linux.nices == {2: NICE}
    assert not caplog.records


async def test_a_refusal_is_logged_once_and_the_others_get_a_lower_priority(
    linux: Linux, state: StateFile, caplog: pytest.LogCaptureFixture
) -> None:
    linux.refusals = [PermissionError(1, "Operation not permitted")]
    ranks = Priority(state)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            ranks.reconcile(computing=True)
            await asyncio.sleep(0.01)
    assert linux.nices == {2: NICE}
    (record,) = caplog.records
    assert "Session 1 keeps its share" in record.message
