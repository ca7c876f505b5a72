"""What the machine does during a run, once a second."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import ray
from ray._private.state import state as cluster_state

from demo_server.driver.connection import available_resources, cluster_resources
from demo_server.driver.experiment import Context
from demo_server.driver.live import MAILBOX
from demo_server.driver.observe import Observation
from demo_server.protocol import ActorMetrics, MetricsData

INTERVAL_S = 1.0
# Ray Data's own, which the first job that needs them starts.
RAYS_OWN = ("_StatsActor", "_AutoscalingCoordinatorActor", "ActorLocationTracker")


@contextmanager
def measuring(context: Context, observation: Observation) -> Iterator[None]:
    """Emit `metrics` once a second within the block."""
    stop = threading.Event()

    def measure() -> None:
        psutil.cpu_percent()  # the first call of a thread only sets the start of the interval
        while not stop.wait(INTERVAL_S):
            metrics = measurement()
            context.emit("metrics", metrics)
            used = metrics.cpu_percent / 100 * metrics.cpus
            observation.measured(min(1.0, used / context.cores))

    thread = threading.Thread(target=measure, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def measurement() -> MetricsData:
    """Return CPU, memory and this job's actors on this machine, the object store of all nodes."""
    memory = psutil.virtual_memory()
    total = cluster_resources().get("object_store_memory", 0)
    free = available_resources().get("object_store_memory", 0)
    return MetricsData(
        cpu_percent=psutil.cpu_percent(),
        cpus=psutil.cpu_count() or 1,
        memory_bytes=memory.total - memory.available,
        memory_total_bytes=memory.total,
        object_store_bytes=max(0, int(total - free)),
        object_store_total_bytes=int(total),
        actors=actors(),
    )


def actors() -> list[ActorMetrics]:
    """Return the running actors of this job; memory is 0 for one on another machine."""
    context = ray.get_runtime_context()
    table: dict[str, Any] = cluster_state.actor_table(
        None, ray.JobID.from_hex(context.get_job_id()), "ALIVE"
    )
    return [
        ActorMetrics(
            pid=actor["Pid"],
            state=actor["State"].lower(),
            memory_bytes=resident_bytes(actor["Pid"])
            if actor["Address"]["NodeID"] == context.get_node_id()
            else 0,
        )
        for actor in table.values()
        if actor["Name"] != MAILBOX and actor["ActorClassName"] not in RAYS_OWN
    ]


def resident_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:  # it ended since Ray listed it
        return 0
