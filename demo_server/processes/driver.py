"""One driver process as the server sees it: commands down, messages up, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import psutil
from pydantic import ValidationError

from demo_server.processes.driver_forks import DriverForks, ForkedProcess
from demo_server.processes.ray_head import Ray, RayState
from demo_server.processes.state_file import ProcessSession, StateFile
from demo_server.protocol import driver_messages
from demo_server.protocol.driver_messages import DriverOptions
from demo_server.protocol.errors import ForkError
from demo_server.protocol.events import NoteData
from demo_server.system import process
from demo_server.system.fork_server import Program
from demo_server.system.settings import Settings

MAX_LINE_BYTES = 16 * 1024 * 1024
TAIL_BYTES = 8 * 1024
TAIL_LINES = 20
GOODBYE_S = 2.0

log = logging.getLogger(__name__)


class DriverProcess:
    """A driver from its start to its end."""

    def __init__(
        self,
        on_message: Callable[[DriverProcess, driver_messages.Message], None],
        on_exit: Callable[[DriverProcess, str], None],
        state_file: StateFile | None = None,
        forks: DriverForks | None = None,
    ) -> None:
        self._on_message, self._on_exit, self._state_file = on_message, on_exit, state_file
        self._forks = forks
        self._process: asyncio.subprocess.Process | ForkedProcess | None = None
        self._output: Path | None = None
        self._watching: asyncio.Task[None] | None = None
        self.ready: driver_messages.Ready | None = None
        self.last_message_at = asyncio.get_running_loop().time()
        self.ended = False
        self._killed = False
        self._run_printed_from = 0  # in bytes of its output
        self._early: list[driver_messages.Command] = []

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def stopped(self) -> bool:
        """Whether a signal has stopped it: it lives, and won't go on by itself."""
        if self.pid is None:
            return False
        try:
            return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        except psutil.Error:  # it has ended
            return False

    def start(self, command: Sequence[str], env: Mapping[str, str], output: Path) -> None:
        """Start it in the background; failures come as `on_exit`, like any other end."""
        self._output = output
        self._watching = asyncio.create_task(self._run(command, env))

    def send(self, command: driver_messages.Command) -> None:
        """Send a command; one to a driver that has ended is lost, and `on_exit` reports the end."""
        if self._process is None and not self.ended:
            self._early.append(command)
            return
        if self.ended:
            return
        if isinstance(command, driver_messages.RunCommand) and self._output:
            self._run_printed_from = self._output.stat().st_size
        stdin = self._process.stdin if self._process else None
        if stdin is not None and not stdin.is_closing():
            stdin.write(command.model_dump_json().encode() + b"\n")

    def kill(self) -> None:
        """End its process group at once, also if it is only just being started."""
        self._killed = True
        if self._process and self._process.returncode is None:
            process.kill_group(self._process.pid)

    async def close(self) -> None:
        """Close its standard input, and kill it if it has not ended soon after."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
        if self._watching:
            done, _ = await asyncio.wait({self._watching}, timeout=GOODBYE_S)
            if not done:
                self.kill()

    async def gone(self) -> None:
        """Wait until the process has ended and `on_exit` has returned."""
        if self._watching:
            await asyncio.wait({self._watching})

    async def _run(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        read_end, write_end = os.pipe()
        messages = os.fdopen(read_end, "rb", buffering=0)
        try:
            with self._output_file() as output:
                self._process = await self._launch(command, env, output, write_end)
        except OSError as error:
            messages.close()
            self._finish(f"The driver could not be started: {error.strerror}.")
            return
        finally:
            os.close(write_end)
        if self._killed:
            process.kill_group(self._process.pid)
        self._record(self._process.pid)
        for early in self._early:
            self.send(early)
        reading = asyncio.create_task(self._read(messages))
        code = await self._process.wait()
        # A killed driver's children may keep the pipe open; its last words are there already.
        await asyncio.wait({reading}, timeout=0.5)
        reading.cancel()
        process.kill_group(self._process.pid)
        self._finish(_exit_reason(code))

    async def _launch(
        self, command: Sequence[str], env: Mapping[str, str], output: BinaryIO, messages: int
    ) -> asyncio.subprocess.Process | ForkedProcess:
        """Fork it, or start a new process.

        Raises:
            OSError: it cannot be started.
        """
        if self._forks:
            program = Program(list(command[1:]), dict(env), os.getcwd(), new_session=True)
            try:
                return await self._forks.fork(program, output.fileno(), messages)
            except ForkError as error:
                log.warning("%s A new process is started, which takes longer.", error)
        return await asyncio.create_subprocess_exec(
            *command,
            str(messages),
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=(messages,),
            env=env,
            start_new_session=True,
        )

    def _record(self, pid: int) -> None:
        """Record it in the state file, for the server that starts after this one was killed."""
        if self._state_file:
            try:
                started_at = psutil.Process(pid).create_time()
            except psutil.Error:  # it has ended
                return
            self._state_file.add_driver(ProcessSession(pid=pid, started_at=started_at))

    def _output_file(self) -> BinaryIO:
        assert self._output is not None
        self._output.parent.mkdir(parents=True, exist_ok=True)
        return self._output.open("wb")

    async def _read(self, messages: BinaryIO) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), messages
        )
        try:
            while line := await reader.readline():
                self.last_message_at = loop.time()
                message = self._parse(line)
                if isinstance(message, driver_messages.Ready):
                    self.ready = message
                if message:
                    self._on_message(self, message)
        except ValueError:
            log.error("driver %s sent a line over %d bytes and is ended", self.pid, MAX_LINE_BYTES)
            self.kill()
        finally:
            transport.close()

    def _parse(self, line: bytes) -> driver_messages.Message | None:
        """Read a message; an event that is none becomes a note, anything else is dropped.

        A bug in an experiment must end neither the run nor the server.
        """
        try:
            return driver_messages.message.validate_json(line)
        except ValidationError as error:
            log.error("driver %s sent a line that is not a message: %s", self.pid, error)
            place, reason = error.errors()[0]["loc"], error.errors()[0]["msg"]
            if place[:1] != ("event",):
                return None
            where = ".".join(map(str, place[1:]))
            text = f"The driver sent an event that cannot be shown: {where}: {reason}"
            return driver_messages.emitted(NoteData(text=text[:500], level="warning"))

    def _finish(self, how: str) -> None:
        self.ended = True
        if self._state_file and self._process:
            self._state_file.remove_driver(self._process.pid)
        self._on_exit(self, how)
        if self._output:
            with contextlib.suppress(OSError):
                self._output.unlink()

    def tail(self) -> str:
        """Return the last lines it printed, in its last run, which often show why it ended."""
        if self._output is None:
            return ""
        try:
            with self._output.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(self._run_printed_from, end - TAIL_BYTES))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-TAIL_LINES:])


def _exit_reason(code: int) -> str:
    if code >= 0:
        return f"The driver process ended with exit code {code}."
    name = signal.Signals(-code).name
    return f"The driver process was ended by signal {-code} ({name})."


def driver_command(ray: Ray, settings: Settings) -> list[str]:
    """Return the command line of a driver, all but its last argument, where messages go."""
    options = DriverOptions(
        ray_address=ray.address,
        inputs=settings.inputs,
        users_cluster=not ray.local,
        wait=ray.state is not RayState.UP,
    )
    return [sys.executable, "-m", "demo_server.driver", options.model_dump_json()]
