"""The file that records which server runs, how to reach it, and what it started.

It is readable by its owner only: it holds the secrets with which a local command may pair a
browser or join the server's Ray. A later process reads in it what a killed one left behind.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from pydantic import BaseModel, Field

from demo_server.system import process
from demo_server.system.files import OWNER_ONLY, write_atomically

SERVER = "server.json"
TERMINAL = "terminal-*.json"

log = logging.getLogger(__name__)


class ProcessSession(BaseModel):
    """A session of processes (see setsid), by its leader."""

    pid: int
    started_at: float
    directory: str | None = Field(default=None, description="removed with it")


class RayConnection(BaseModel):
    """How another command of the same user joins this server's Ray."""

    address: str
    token: str


class ServerState(BaseModel):
    """One server, or one run in a terminal, with the sessions that it started."""

    pid: int
    started_at: float
    port: int | None = None
    url: str | None = None
    secret: str | None = None
    ray: RayConnection | None = None
    sessions: list[ProcessSession] = Field(default_factory=list)
    # They end by themselves when their server does, unless they are stopped or stuck.
    drivers: list[ProcessSession] = Field(default_factory=list)

    @property
    def alive(self) -> bool:
        return process.is_alive(self.pid, self.started_at)


class StateFile:
    """This process's state, kept on disk from the first write to `close`."""

    def __init__(self, path: Path, secret: str | None = None) -> None:
        pid, started_at = process.this_process()
        self.path = path
        self.entry = ServerState(pid=pid, started_at=started_at, secret=secret)

    def write(self) -> None:
        """Replace the file in one step.

        Raises:
            OSError: it cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, self.entry.model_dump_json(), OWNER_ONLY)

    def add(self, session: ProcessSession) -> None:
        self.entry.sessions.append(session)
        self.update()

    def remove(self, pid: int) -> None:
        self.entry.sessions = [s for s in self.entry.sessions if s.pid != pid]
        self.update()

    def add_driver(self, session: ProcessSession) -> None:
        self.entry.drivers.append(session)
        self.update()

    def remove_driver(self, pid: int) -> None:
        self.entry.drivers = [s for s in self.entry.drivers if s.pid != pid]
        self.update()

    def update(self) -> None:
        """Write what has changed; a full disk must not end a talk."""
        try:
            self.write()
        except OSError as error:
            log.warning("%s is out of date: %s", self.path, error.strerror)

    def close(self) -> None:
        self.path.unlink(missing_ok=True)


def read(path: Path) -> ServerState | None:
    """Return what a state file holds, None when there is none or it cannot be read."""
    try:
        return ServerState.model_validate_json(path.read_text())
    except (OSError, ValueError):
        return None


def running_server(cache: Path) -> ServerState | None:
    """Return the living server of this cache directory."""
    state = read(cache / SERVER)
    return state if state and state.alive and state.pid != os.getpid() else None


def end_orphans(cache: Path) -> int:
    """End what dead predecessors left behind; return how many processes that were."""
    ended = 0
    for path in [cache / SERVER, *cache.glob(TERMINAL)]:
        state = read(path)
        if state is None or state.alive:
            continue
        for session in [*state.sessions, *state.drivers]:
            ended += process.end_session(session.pid, session.started_at)
            if session.directory:
                process.remove_tree(Path(session.directory))
        path.unlink(missing_ok=True)
    return ended
