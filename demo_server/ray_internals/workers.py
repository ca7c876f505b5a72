"""The worker processes of this job: which died of what, and how hard the others work.

Uses a private table of Ray: Ray is pinned exactly, and `tests/ray_internals/test_workers.py` fails
when it changes.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import psutil
import ray
from ray._private.state import state as cluster_state

from demo_server.ray_internals.worker_processes import worker_processes

# Generated when they are imported, so no type checker finds anything in them.
common_pb2: Any = import_module("ray.core.generated.common_pb2")
gcs_pb2: Any = import_module("ray.core.generated.gcs_pb2")

# The others are ends that Ray or the code of the worker meant.
DEATHS = {
    common_pb2.SYSTEM_ERROR: "it was killed, or it crashed",
    common_pb2.NODE_OUT_OF_MEMORY: "Ray ended it: the machine ran out of memory",
}
# What idle workers and Ray's own threads in them use stays far below this share of one core.
BUSY_SHARE = 0.1
# States of an actor, as Ray names them.
WITHOUT_PROCESS = ("PENDING_CREATION", "RESTARTING")


@dataclass(frozen=True)
class Worker:
    """One process; `died_of` is None while it lives and when its end was meant."""

    id: str
    pid: int
    died_of: str | None


def workers() -> list[Worker]:
    """Return the workers that this job has had and Ray knows of, in no order."""
    job = ray.get_runtime_context().get_job_id()
    accessor = cluster_state._connect_and_get_accessor()
    found = []
    for encoded in accessor.get_worker_table():
        row = gcs_pb2.WorkerTableData.FromString(encoded)
        if row.worker_type != common_pb2.WORKER or row.job_id.hex() != job:
            continue
        found.append(
            Worker(
                id=row.worker_address.worker_id.hex(),
                pid=row.pid,
                died_of=None if row.is_alive else DEATHS.get(row.exit_type),
            )
        )
    return found


@dataclass(frozen=True)
class Effort:
    """What the worker processes of this machine have used until now."""

    cpu_seconds: dict[int, float]  # by pid
    waits_for_disk: bool


class Activity:
    """Tells workers that work from those that wait, by the CPU time they use."""

    def __init__(self, now: float) -> None:
        self._at, self._seconds = now, dict[int, float]()
        self.busy_at = now

    def see(self, now: float, effort: Effort) -> None:
        """Compare the CPU time of each process with the last reading."""
        known, seconds = self._seconds, effort.cpu_seconds
        used = sum(max(0.0, s - known.get(pid, 0.0)) for pid, s in seconds.items())
        if effort.waits_for_disk or used > BUSY_SHARE * (now - self._at):
            self.busy_at = now
        self._at, self._seconds = now, seconds


def awaits_a_worker() -> bool:
    """Whether an actor of this job has no process, yet or any more."""
    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id())
    return any(cluster_state.actor_table(None, job, state) for state in WITHOUT_PROCESS)


def effort(raylet: psutil.Process, job: str | None = None, *, standing: bool = True) -> Effort:
    """Return what all workers have used, also those that are only starting, and their children.

    Not those of Ray's table: a worker is in it only when it has finished its imports. With a `job`
    (its id in hex) those of others are left out; without `standing` those that stand ready, too,
    which import for seconds whether or not anybody waits for them.
    """
    seconds, waits = dict[int, float](), False
    try:
        found = worker_processes(raylet)
    except psutil.Error:  # the server, which watches it, ends the run
        return Effort(seconds, waits_for_disk=True)
    for worker in found:
        with contextlib.suppress(psutil.Error):  # it has ended
            if job is not None and not worker.works_for(job, standing=standing):
                continue
            # What a fork server has started has records of its own.
            below = [] if worker.forks else worker.process.children(recursive=True)
            for one in (worker.process, *below):
                with contextlib.suppress(psutil.Error), one.oneshot():
                    times = one.cpu_times()
                    seconds[one.pid] = times.user + times.system
                    waits = waits or one.status() == psutil.STATUS_DISK_SLEEP
    return Effort(seconds, waits)
