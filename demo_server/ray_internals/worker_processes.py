"""The worker processes of this machine's raylet, also those that Ray doesn't know of yet."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import ray

from demo_server.ray_internals.worker_environment import FORK_SERVERS, JOB, MODULES, NO_JOB

# By how much the clocks of processes and of files may differ.
CLOCK_S = 2.0


@dataclass(frozen=True)
class WorkerProcess:
    """A process that is a worker, or will be, or forks workers."""

    process: psutil.Process
    environ: Mapping[str, str]  # that it was asked for with
    forks: bool = False

    @property
    def stands_ready(self) -> bool:
        """Whether it was started ahead, or is to fork what is, and no actor has taken it.

        Raises:
            psutil.Error: it has ended.
        """
        words = " ".join(self.process.cmdline())
        if not (words.startswith("ray::IDLE") or "default_worker.py" in words):
            return False
        return MODULES in self.environ and self.environ.get(JOB) == NO_JOB

    def works_for(self, job: str, *, standing: bool) -> bool:
        """Whether it was started for a job (its id in hex) or for any.

        Args:
            job: its id in hex.
            standing: those that nobody has taken count too.

        Raises:
            psutil.Error: it has ended.
        """
        mine = self.environ.get(JOB) in (job, NO_JOB)
        return mine and (standing or not self.stands_ready)


def raylet_here() -> psutil.Process | None:
    """Return the raylet of this machine that this driver talks to.

    None where it has ended, or is not in this machine's table of processes.
    """
    node: Any = ray._private.worker._global_node
    flag = f"--raylet_socket_name={node.raylet_socket_name}"
    for one in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):  # it has just ended
            if one.info["name"] == "raylet" and flag in one.cmdline():
                return one
    return None


def worker_processes(raylet: psutil.Process) -> list[WorkerProcess]:
    """Return the workers of a raylet, in no order: those that it started, and those forked for it.

    Raises:
        psutil.Error: the raylet has ended.
    """
    found = list(forked(raylet.environ()))
    for child in raylet.children():
        with contextlib.suppress(psutil.Error):  # it has just ended
            environ = child.environ()
            if JOB in environ:  # the raylet's agents have none, and never rest
                found.append(WorkerProcess(child, environ))
    return found


def forked(environ: Mapping[str, str]) -> Iterator[WorkerProcess]:
    """Read what the fork servers have recorded of those that live; see `worker_fork_server.py`."""
    if FORK_SERVERS not in environ:
        return
    for path in Path(environ[FORK_SERVERS]).glob("*.json"):
        # It has just ended.
        with contextlib.suppress(FileNotFoundError, psutil.Error):
            record, process = json.loads(path.read_text()), psutil.Process(int(path.stem))
            if process.create_time() <= path.stat().st_mtime + CLOCK_S:  # else another has its id
                yield WorkerProcess(process, **record)
