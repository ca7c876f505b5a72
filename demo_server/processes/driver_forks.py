"""Forks drivers from a process that has imported their code, where the system allows it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from socket import socket

import psutil

from demo_server.processes.state_file import ProcessSession, StateFile
from demo_server.protocol.errors import ForkError
from demo_server.system.fork_server import Program, ask, listen
from demo_server.system.process import kill_group, remove_tree

MODULE = "demo_server.driver.driver_fork_server"
ANSWER_BYTES = 1024
GOODBYE_S = 2.0


class ForkedProcess:
    """A forked program; what `asyncio.subprocess.Process` has of the same name is the same."""

    def __init__(self, pid: int, stdin: asyncio.WriteTransport, answers: socket) -> None:
        self.pid, self.stdin, self._answers = pid, stdin, answers
        self.returncode: int | None = None

    async def wait(self) -> int:
        """Wait for its end; it is killed where the fork server ended before it could tell."""
        with self._answers:
            answer = await asyncio.get_running_loop().sock_recv(self._answers, ANSWER_BYTES)
        if not answer:
            kill_group(self.pid)
        self.returncode = int(json.loads(answer)["status"]) if answer else -signal.SIGKILL
        return self.returncode


@dataclass(frozen=True)
class _Server:
    process: asyncio.subprocess.Process
    code: object  # the version that it has imported
    directory: Path  # of its socket

    @property
    def path(self) -> str:
        return str(self.directory / "socket")


class DriverForks:
    """A fork server for the code as it is now; those of older code end with their last driver."""

    def __init__(self, code_version: Callable[[], object], state: StateFile) -> None:
        self._code_version, self._state = code_version, state
        self._server: _Server | None = None
        self._starting = asyncio.Lock()
        self._ending: dict[asyncio.Task[int], int] = {}  # the process ids of all that live

    async def fork(self, program: Program, output: int, messages: int) -> ForkedProcess:
        """Fork a driver; its first words wait for the imports.

        Args:
            program: the driver.
            output: the descriptor that takes what it prints.
            messages: the descriptor that takes its messages.

        Raises:
            ForkError: none can be forked.
        """
        loop = asyncio.get_running_loop()
        read_end, write_end = os.pipe()
        with ExitStack() as undo:
            stdin = undo.enter_context(os.fdopen(write_end, "wb"))
            try:
                path = await self._serving(program)
                streams = [read_end, output, output, messages]
                answers = await asyncio.to_thread(ask, path, program, streams)
                undo.enter_context(answers).setblocking(False)
                answer = await loop.sock_recv(answers, ANSWER_BYTES)
            except (OSError, psutil.Error) as error:
                raise ForkError(f"No driver can be forked: {error}.") from error
            finally:
                os.close(read_end)
            if not answer:
                raise ForkError("No driver can be forked: the process that would has ended.")
            undo.pop_all()
        transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, stdin)
        return ForkedProcess(json.loads(answer)["pid"], transport, answers)

    async def close(self) -> None:
        """Fork no more, and wait for the end of the servers: they have no drivers any more."""
        self._retire()
        if self._ending:
            _, late = await asyncio.wait(self._ending, timeout=GOODBYE_S)
            for ending in late:
                ending.cancel()
                kill_group(self._ending[ending])

    def _retire(self) -> None:
        """Send the server no more requests: it ends with the last of its drivers."""
        if self._server is None:
            return
        assert self._server.process.stdin
        self._server.process.stdin.close()
        self._state.remove_driver(self._server.process.pid)
        remove_tree(self._server.directory)
        self._server = None

    async def _serving(self, program: Program) -> str:
        """Return where the server of today's code listens."""
        async with self._starting:
            code = self._code_version()
            server = self._server
            if server is None or server.code != code or server.process.returncode is not None:
                self._retire()
                server = self._server = await self._start(code, program)
        return server.path

    async def _start(self, code: object, program: Program) -> _Server:
        # Not the system's temp directory: a socket's path may have 104 characters at most.
        directory = Path(tempfile.mkdtemp(prefix="drivers-", dir="/tmp"))
        with listen(str(directory / "socket")) as listener:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", MODULE, str(listener.fileno())),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,  # what is wrong with the code a driver says too
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(listener.fileno(),),
                env=program.env,
                cwd=program.cwd,
                start_new_session=True,
            )
        ending = asyncio.create_task(process.wait())
        self._ending[ending] = process.pid
        ending.add_done_callback(self._ending.pop)
        started_at = psutil.Process(process.pid).create_time()
        session = ProcessSession(pid=process.pid, started_at=started_at, directory=str(directory))
        self._state.add_driver(session)
        return _Server(process, code, directory)
