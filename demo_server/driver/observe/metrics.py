"""What the machine does during a run, once a second."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from demo_server.driver.cluster import available_resources, cluster_resources
from demo_server.driver.observe.observer import Observation
from demo_server.protocol.events import MetricsData
from demo_server.ray_internals.actors import actors
from demo_server.toolkit.context import Context

INTERVAL_S = 1.0


@contextmanager
def measuring(context: Context, observation: Observation) -> Iterator[None]:
    """Emit `metrics` once a second within the block."""
    stop = threading.Event()

    def measure() -> None:
        psutil.cpu_percent()  # the first call of a thread only sets the start of the interval
        while not stop.wait(INTERVAL_S):
            metrics = measurement()
            context.emit(metrics)
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
