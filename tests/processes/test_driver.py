"""A driver process from its birth to its end, whatever it does."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from demo_server.processes import driver
from demo_server.processes.driver import DriverProcess
from demo_server.protocol import driver_messages
from tests.support.bounds import HANG_S
from tests.support.fakes import FAKE_DRIVER

FAKE = [sys.executable, str(FAKE_DRIVER)]


class Witness:
    """Starts a driver and remembers what it said and how it ended."""

    def __init__(self, directory: Path) -> None:
        self.messages: list[driver_messages.Message] = []
        self.ends: list[str] = []
        self.ready = asyncio.Event()
        self.output = directory / "drivers" / "1.out"
        self.last_words = ""
        self.driver = DriverProcess(self._receive, self._exited)

    def start(self, *command: str) -> None:
        self.driver.start(command, dict(os.environ), self.output)

    async def end(self) -> str:
        await asyncio.wait_for(self.driver.gone(), HANG_S)
        (how,) = self.ends
        return how

    def _receive(self, driver: DriverProcess, message: driver_messages.Message) -> None:
        self.messages.append(message)
        self.ready.set()

    def _exited(self, driver: DriverProcess, how: str) -> None:
        self.last_words = driver.tail()
        self.ends.append(how)


async def test_a_driver_that_is_killed_while_it_starts_ends(
    tmp_path: Path,
) -> None:
    witness = Witness(tmp_path)
    witness.start(*FAKE)
    await asyncio.sleep(0)
    witness.driver.kill()
    assert "SIGKILL" in await witness.end()


async def test_a_driver_whose_input_closes_ends_by_itself(tmp_path: Path) -> None:
    witness = Witness(tmp_path)
    witness.start(*FAKE)
    await witness.ready.wait()
    await witness.driver.close()
    assert "exit code 0" in await witness.end()
    assert not witness.output.exists()


async def test_a_driver_that_cannot_start_reports_its_last_lines(tmp_path: Path) -> None:
    witness = Witness(tmp_path)
    witness.start(*FAKE, "--never-ready")
    assert "exit code 3" in await witness.end()
    assert witness.last_words == "the fake driver cannot begin"


async def test_a_missing_command_is_reported_as_an_exit(tmp_path: Path) -> None:
    witness = Witness(tmp_path)
    witness.start(str(tmp_path / "nothing"))
    assert "No such file" in await witness.end()


async def test_a_driver_that_ignores_its_closed_input_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "GOODBYE_S", 0.3)
    witness = Witness(tmp_path)
    witness.start(sys.executable, "-c", "import time; time.sleep(60)")
    await asyncio.sleep(0.2)
    await witness.driver.close()
    assert "SIGKILL" in await witness.end()


async def test_a_line_over_the_limit_ends_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "MAX_LINE_BYTES", 1000)
    witness = Witness(tmp_path)
    code = "import os, sys, time; os.write(int(sys.argv[-1]), b'x' * 9000); time.sleep(60)"
    witness.start(sys.executable, "-c", code)
    assert "SIGKILL" in await witness.end()


async def test_a_line_that_is_not_a_message_is_skipped(tmp_path: Path) -> None:
    witness = Witness(tmp_path)
    code = 'import os, sys; os.write(int(sys.argv[-1]), b\'rubbish\\n{"type": "alive"}\\n\')'
    witness.start(sys.executable, "-c", code)
    await witness.end()
    assert [message.type for message in witness.messages] == ["alive"]
