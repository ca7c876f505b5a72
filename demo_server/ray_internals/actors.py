"""The running actors of this job, from a private table of Ray: Ray is pinned exactly."""

from __future__ import annotations

from typing import Any

import psutil
import ray
import ray.util
from ray._private.state import state as cluster_state
from ray.data._internal.stats import STATS_ACTOR_NAME

from demo_server.protocol.events import ActorMetrics
from demo_server.ray_internals.actor_names import MAILBOX, RAYS_OWN


def ray_data_has_begun() -> bool:
    """Whether Ray Data's own actors stand on this cluster, which the first job starts."""
    named = ray.util.list_named_actors(all_namespaces=True)
    return any(actor["name"] == STATS_ACTOR_NAME for actor in named)


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
