"""Drivers that are forked from a process that has imported their code."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from demo_server.processes import driver_forks
from demo_server.processes.driver import DriverProcess
from demo_server.processes.driver_forks import DriverForks
from demo_server.processes.state_file import StateFile
from demo_server.system.fork_server import FORKS
from demo_server.system.process import is_alive
from tests.support.bounds import HANG_S

pytestmark = pytest.mark.skipif(not FORKS, reason="macOS allows no such fork")

# What it says shows that the imports are there; it ends with what it is told.
DRIVER = """
import sys, time
assert "demo_server.driver.startup" in sys.modules or "--unforked" in sys.argv
print("as it must be", flush=True)
raise SystemExit(int(sys.stdin.readline() or 9))
"""


def gone(directory: str) -> bool:
    return not Path(directory).exists()


class Forked:
    """One driver, and how it ended."""

    def __init__(self, directory: Path, forks: DriverForks, state: StateFile) -> None:
        self.ends: list[str] = []
        self.words = ""
        self.driver = DriverProcess(lambda *_: None, self._exited, state, forks)
        script = directory / "driver.py"
        script.write_text(DRIVER)
        self.command = [sys.executable, str(script)]
        self.output = directory / f"{id(self)}.out"

    async def start(self, *words: str) -> psutil.Process:
        self.driver.start([*self.command, *words], dict(os.environ), self.output)
        async with asyncio.timeout(HANG_S):
            while self.driver.pid is None:  # noqa: ASYNC110 (it tells nobody)
                await asyncio.sleep(0.02)
        return psutil.Process(self.driver.pid)

    async def end(self, code: int | None = None) -> str:
        if code is not None:
            assert self.driver._process
            assert self.driver._process.stdin
            self.driver._process.stdin.write(f"{code}\n".encode())
        await asyncio.wait_for(self.driver.gone(), HANG_S)
        (how,) = self.ends
        return how

    def _exited(self, driver: DriverProcess, how: str) -> None:
        self.words = driver.tail()
        self.ends.append(how)


class Theatre:
    """A server's forks; `code` is the version that it sees."""

    def __init__(self, directory: Path) -> None:
        self.code: object = 1
        self.directory = directory
        self.state = StateFile(directory / "state.json")
        self.forks = DriverForks(lambda: self.code, self.state)

    def driver(self) -> Forked:
        return Forked(self.directory, self.forks, self.state)


@pytest.fixture
async def theatre(tmp_path: Path) -> AsyncIterator[Theatre]:
    made = Theatre(tmp_path)
    yield made
    await made.forks.close()


async def test_a_driver_is_forked_with_its_imports_in_a_session_of_its_own(
    theatre: Theatre,
) -> None:
    driver = theatre.driver()
    process = await driver.start()
    assert os.getsid(process.pid) == process.pid
    assert "fork_server" in " ".join(psutil.Process(process.ppid()).cmdline())
    assert "exit code 4" in await driver.end(4)
    assert driver.words == "as it must be"


async def test_drivers_of_other_code_come_from_another_server(theatre: Theatre) -> None:
    first, second, changed = theatre.driver(), theatre.driver(), theatre.driver()
    servers = [(await driver.start()).parent() for driver in (first, second)]
    assert servers[0]
    assert servers[0] == servers[1]
    theatre.code = 2
    other = (await changed.start()).parent()
    assert other
    assert other != servers[0]
    assert servers[0].is_running(), "its drivers' ends could not be told"
    for driver in (first, second, changed):
        assert "exit code 0" in await driver.end(0)
    await asyncio.to_thread(psutil.wait_procs, [servers[0]], HANG_S)
    assert not servers[0].is_running()


async def test_a_driver_whose_input_closes_ends_by_itself(theatre: Theatre) -> None:
    driver = theatre.driver()
    await driver.start()
    await driver.driver.close()
    assert "exit code 9" in await driver.end()


async def test_a_forked_driver_can_be_killed_at_once(theatre: Theatre) -> None:
    driver = theatre.driver()
    driver.driver.start(driver.command, dict(os.environ), driver.output)
    await asyncio.sleep(0)
    driver.driver.kill()
    assert "SIGKILL" in await driver.end()


async def test_a_driver_ends_with_a_fork_server_that_was_killed_and_the_next_has_another(
    theatre: Theatre,
) -> None:
    driver, following = theatre.driver(), theatre.driver()
    process = await driver.start()
    server = process.parent()
    assert server
    server.kill()
    assert "SIGKILL" in await driver.end()
    async with asyncio.timeout(HANG_S):
        while is_alive(process.pid, process.create_time()):  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.02)
    assert (await following.start()).parent() != server
    assert "exit code 0" in await following.end(0)


async def test_where_none_can_be_forked_a_driver_is_a_new_process(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_forks, "MODULE", "demo_server.no_such_module")
    driver = theatre.driver()
    assert (await driver.start("--unforked")).ppid() == os.getpid()
    assert "exit code 0" in await driver.end(0)


async def test_closed_the_server_ends_and_its_directory_goes(theatre: Theatre) -> None:
    driver = theatre.driver()
    server = (await driver.start()).parent()
    assert server
    (recorded,) = [s for s in theatre.state.entry.drivers if s.pid == server.pid]
    await driver.end(0)
    await theatre.forks.close()
    assert not server.is_running()
    assert recorded.directory
    assert gone(recorded.directory)
    assert theatre.state.entry.drivers == []
