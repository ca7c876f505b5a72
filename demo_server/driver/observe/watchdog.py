"""Ends a run that will never end: it makes no progress, or its workers die again and again.

Ray has a limit of its own, `execution_no_progress_timeout_s`: half an hour, and none where the plan
has an all-to-all operator, `repartition` for one (ray-project/ray#44687).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

from demo_server.driver.cluster import available_resources, cluster_resources
from demo_server.driver.observe.nodes import Nodes, other_nodes
from demo_server.driver.observe.observer import Observation
from demo_server.driver.observe.stall import StalledError, stall_limits
from demo_server.ray_internals.worker_processes import raylet_here
from demo_server.ray_internals.workers import (
    Activity,
    Worker,
    awaits_a_worker,
    effort,
    workers,
)
from demo_server.system.cpu_reading import CpuReading
from demo_server.system.cpus import idle_seconds
from demo_server.system.demo_error import DemoError
from demo_server.system.environment import stall_s
from demo_server.toolkit.context import Context

INTERVAL_S = 0.5
# Shorter than the 15 s that the slide promises: a worker that starts may look busy for a second of
# them.
QUIET_S = 8.0
# A run with rows so lately is not checked: that takes time of the cores.
MOVING_S = 1.0
MAX_DEATHS = 3
FULL_SHARE = 0.9


class HangingError(DemoError):
    """The pipeline waits, and not for a CPU."""


class WorkersDiedError(DemoError):
    """Ray repeats without end what kills its worker."""


class Deaths:
    """Counts the deaths of workers between which no row came out."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._rows = 0
        self.in_a_row = 0

    def see(self, found: list[Worker], rows: int) -> list[Worker]:
        """Return which died since the last check; those that die together count once."""
        if rows != self._rows:
            self._rows, self.in_a_row = rows, 0
        died = [w for w in found if w.died_of and w.id not in self._known]
        self._known |= {w.id for w in died}
        self.in_a_row += bool(died)
        return died


class Watchdog:
    """Checks one run; it reports deaths at once, and why the run should be given up."""

    def __init__(self, context: Context, observation: Observation) -> None:
        self._context, self._observation = context, observation
        self._activity, self._deaths = Activity(time.monotonic()), Deaths()
        # What the workers of another machine do can't be seen from here.
        self._raylet = raylet_here() if context.own_head else None
        self._nodes = Nodes()
        self._cpus = CpuReading(time.monotonic(), idle_seconds())
        self._job = ray.get_runtime_context().get_job_id()
        self._full = False
        self._deaths.see(workers(), 0)  # of a run before this one

    def check(self) -> Exception | None:
        """Return why the run will never end, None while it may."""
        found, now = workers(), time.monotonic()
        died = self._deaths.see(found, self._observation.rows)
        if not self._observation.executing:
            return None
        for worker in died:
            self._context.note(
                f"Worker process {worker.pid} died: {worker.died_of}. Ray starts another and "
                "repeats what it had in hand.",
                "warning",
            )
        if died and self._deaths.in_a_row >= MAX_DEATHS:
            return WorkersDiedError(
                f"Worker processes died {MAX_DEATHS} times and no row came out in between; of the "
                f"last one: {died[-1].died_of}.",
                remedy="Start the run again, with a smaller batch_size if it was memory.",
            )
        self._check_store()
        self._check_nodes()
        # On a full store workers wait until Ray has made room on disk.
        if self._full or self._all_cpus_busy(now):
            self._activity.busy_at = now
        # Workers that worked lately, or had no CPU to work with, have the time of one long batch.
        lately = now - self._activity.busy_at < quiet_s()
        if stalled := self._observation.overdue(stall_limits()[1] if lately else None):
            return self._stalled(stalled)
        if self._raylet is None or self._observation.overdue(MOVING_S) is None:
            return None
        # What waits for a process may wait for one that stands ready to have imported.
        standing = self._context.prestarted or awaits_a_worker()
        self._activity.see(now, effort(self._raylet, self._job, standing=standing))
        if now - self._activity.busy_at >= quiet_s():
            waiting = self._observation.overdue(quiet_s())
            return self._stalled(waiting) if waiting else None
        return None

    def _all_cpus_busy(self, now: float) -> bool:
        """Whether no CPU of this machine had time to spare since the last check."""
        earlier, self._cpus = self._cpus, CpuReading(now, idle_seconds())
        return self._cpus.all_busy_since(earlier)

    def _check_store(self) -> None:
        """Note once that the object store is full, each time that it gets full."""
        total = cluster_resources().get("object_store_memory", 0.0)
        free = available_resources().get("object_store_memory", 0.0)
        full = free < (1 - FULL_SHARE) * total
        if full and not self._full:
            self._context.note(
                "The object store is full: rows wait until Ray has moved others to disk.", "warning"
            )
        self._full = full

    def _check_nodes(self) -> None:
        """Note each node that stops answering; our own head has no other."""
        if self._context.own_head:
            return
        for node in self._nodes.fallen_silent(other_nodes()):
            self._context.note(
                f"The node {node.address} doesn't answer any more. When Ray's own check finds it "
                "dead, it repeats on others what that node had in hand.",
                "warning",
            )

    def _stalled(self, reason: str) -> Exception:
        free, cpus = available_resources().get("CPU", 0), cluster_resources().get("CPU", 0)
        sentence = f"{reason} {free:g} of {cpus:g} CPUs are free."
        if self._full:
            return HangingError(
                f"{reason} The object store is full.",
                remedy="Shut Ray down, which lets everything in it go, and run fewer rows.",
            )
        if free < 1:
            return StalledError(
                f"{sentence} What holds the CPUs leaves none for anything else.",
                remedy="Lower concurrency or num_cpus, so that one CPU stays free for Ray's own "
                "tasks.",
            )
        return HangingError(
            f"{sentence} It waits for something else than a CPU.",
            remedy="Find out what the code waits for: a lock, a file, the network. DEMO_STALL_S=60 "
            "gives it that many seconds.",
        )


def quiet_s() -> float:
    """Seconds without a row, without CPU time of a worker and with an idle CPU that end a run."""
    return stall_s() or QUIET_S


@contextmanager
def guarding(
    context: Context, observation: Observation, abandon: Callable[[Exception], None]
) -> Iterator[None]:
    """Call `abandon` with the reason, from another thread, when the run will never end."""
    stop = threading.Event()
    guard = Watchdog(context, observation)

    def watch() -> None:
        while not stop.wait(INTERVAL_S):
            if reason := guard.check():
                abandon(reason)
                return

    thread = threading.Thread(target=watch, name="guard", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
