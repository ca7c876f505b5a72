"""The Ray that drivers connect to: a local head of the server's own, or the user's cluster."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

import psutil

from demo_server.processes.head_command import NODE_ENV, local_env, start_command
from demo_server.processes.state_file import ProcessSession, RayConnection, StateFile
from demo_server.protocol.errors import RayStartError
from demo_server.system import process
from demo_server.system.cpus import usable_cpus

START_TIMEOUT_S = 60.0
WATCH_INTERVAL_S = 0.5
_STARTED = b"Ray runtime started"
_ESSENTIAL = ("raylet", "gcs_server")

log = logging.getLogger(__name__)


class RayState(Enum):
    DOWN = "down"
    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"


@dataclass(frozen=True)
class Usage:
    """What Ray uses at one moment."""

    processes: int
    memory_bytes: int


class Ray(Protocol):
    """Where drivers connect to."""

    ours: bool  # we may end it
    local: bool  # its workers see our checkout and our files
    state: RayState
    address: str
    cpus: float | None

    def env(self) -> dict[str, str]: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def usage(self) -> Usage: ...


class UserCluster:
    """The user's cluster: never started, never ended. Its CPUs are known once a driver is."""

    ours = False
    local = False

    def __init__(self, address: str) -> None:
        self.address = address
        self.state = RayState.UP
        self.cpus: float | None = None

    def env(self) -> dict[str, str]:
        return dict(os.environ)

    async def start(self) -> None:
        self.state = RayState.UP

    async def stop(self) -> None:
        return None

    async def usage(self) -> Usage:
        return Usage(0, 0)


class JoinedRay(UserCluster):
    """The local head of a server of ours that runs already."""

    local = True

    def __init__(self, address: str, token: str) -> None:
        super().__init__(address)
        self._token = token

    def env(self) -> dict[str, str]:
        return local_env(self._token)


class LocalHead:
    """A head with its own temp directory, ports and token, in a session of its own.

    Ended by killing that session: `ray stop` would take the user's other clusters too.
    """

    ours = True
    local = True

    def __init__(
        self, state_file: StateFile, on_lost: Callable[[str], None], on_down: Callable[[], None]
    ) -> None:
        self._state_file, self._on_lost, self._on_down = state_file, on_lost, on_down
        self._token = secrets.token_hex(32)
        self._process: subprocess.Popen[bytes] | None = None
        self._session: ProcessSession | None = None
        self._watching: asyncio.Task[None] | None = None
        self.state = RayState.DOWN
        self.address = ""
        # With one CPU a pipeline's actor would leave none for its read tasks.
        self.cpus: float | None = max(2, usable_cpus())

    def env(self) -> dict[str, str]:
        return local_env(self._token)

    async def start(self) -> None:
        """Start the head and return when drivers can connect.

        Cancelled at any moment, it ends what it began.

        Raises:
            RayStartError: it ended, or was not ready in time; with its last lines of output.
        """
        self.state = RayState.STARTING
        try:
            # Not the system's temp directory: a socket's path may have 104 characters at most.
            directory = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        except OSError as error:
            self.state = RayState.DOWN
            raise RayStartError(f"Ray did not start: /tmp: {error.strerror}.") from error
        port = _free_port()
        # Known from here on: a driver that waits for Ray is started with it.
        self.address = f"127.0.0.1:{port}"
        output = directory / "start.out"
        try:
            head = self._spawn(directory, port, output)
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._until_started(output)
        except (TimeoutError, OSError, psutil.Error, RayStartError) as error:
            last_words = _tail(output)
            await self.stop()
            cause = str(error) or "it took too long"
            raise RayStartError(f"Ray did not start: {cause}. {last_words}") from error
        except asyncio.CancelledError:
            await self.stop()
            raise
        self._state_file.entry.ray = RayConnection(address=self.address, token=self._token)
        self._state_file.update()
        self.state = RayState.UP
        self._watching = asyncio.create_task(self._watch(head))

    async def stop(self) -> None:
        """End the head and everything it started, and remove its files."""
        if self._watching:
            self._watching.cancel()
            self._watching = None
        session, head = self._session, self._process
        self._session = self._process = None
        if session is None or head is None:
            self.state = RayState.DOWN
            return
        # Not down before all of it is gone: only then may the next one start.
        self.state = RayState.STOPPING
        await asyncio.to_thread(process.end_session, session.pid, session.started_at)
        await asyncio.to_thread(head.wait)
        if session.directory:
            await asyncio.to_thread(process.remove_tree, Path(session.directory))
        self._state_file.entry.ray = None
        self._state_file.remove(session.pid)
        self.state = RayState.DOWN

    async def usage(self) -> Usage:
        """Count the head's processes and the memory that only they use."""
        if self._session is None:
            return Usage(0, 0)
        return await asyncio.to_thread(_usage, self._session)

    def _spawn(self, directory: Path, port: int, output: Path) -> subprocess.Popen[bytes]:
        """Start the process and record it, in one step that no cancelling interrupts."""
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                start_command(directory, port, int(self.cpus or 2)),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**self.env(), **NODE_ENV},
                start_new_session=True,
            )
        self._session = ProcessSession(
            pid=self._process.pid,
            started_at=psutil.Process(self._process.pid).create_time(),
            directory=str(directory),
        )
        self._state_file.add(self._session)
        return self._process

    async def _until_started(self, output: Path) -> None:
        assert self._process is not None
        while not _contains(output, _STARTED):
            if self._process.poll() is not None:
                raise RayStartError(f"it ended with exit code {self._process.returncode}")
            await asyncio.sleep(0.05)

    async def _watch(self, head: subprocess.Popen[bytes]) -> None:
        """Poll the pids: Ray itself takes 14 s to notice that its raylet is gone."""
        essential = {p.name(): p for p in process.family(head.pid) if _is_essential(p)}
        while True:
            await asyncio.sleep(WATCH_INTERVAL_S)
            lost = [n for n, p in essential.items() if not process.is_alive(p.pid, p.create_time())]
            if lost or head.poll() is not None:
                names = " and ".join(lost) or "head process"
                log.error("Ray's %s ended", names)
                self._watching = None
                self.state = RayState.STOPPING
                self._on_lost(f"Ray's {names} ended unexpectedly.")
                await self.stop()
                self._on_down()
                return


def _is_essential(member: psutil.Process) -> bool:
    try:
        return member.name() in _ESSENTIAL
    except psutil.Error:
        return False


def _contains(output: Path, words: bytes) -> bool:
    return words in output.read_bytes()


def _usage(session: ProcessSession) -> Usage:
    members = process.session_members(session.pid, session.started_at)
    return Usage(len(members), process.memory_bytes(members))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tail(path: Path) -> str:
    try:
        return " ".join(path.read_text(errors="replace").split("\n")[-8:])[-600:]
    except OSError:
        return ""
