"""Ray, imported so that processes may be forked from this one: for fork servers.

What Ray imports late is there, and nothing in it has drawn a random number: Ray's generator would
give each fork the same ids, of workers and of objects. Private to Ray, which is pinned exactly;
`tests/ray_internals/test_forkable_ray.py` fails when it changes.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

# Ray Data's own actor, in which a callable class of a pipeline is constructed.
MAP_ACTOR = "ray.data._internal.execution.operators.actor_pool_map_operator"
# Until a first dataset has been computed, in its driver and in its workers. Nothing that imports
# gRPC, which must not be there before a fork.
LATE = (
    "aiohttp",
    "pydantic.v1",
    "ray._private.arrow_serialization",
    "ray._private.runtime_env.uv_runtime_env_hook",
    "ray._private.workers.default_worker",
    "ray.data._internal.execution.callbacks",
    MAP_ACTOR,
    "ray.data._internal.issue_detection.issue_detector_manager",
    "ray.data._internal.logical.optimizers",
    "ray.data._internal.planner.planner",
    "ray.data._internal.utils.torch_inference",
    "ray.data.extensions",
    "starlette.datastructures",
)


class SystemActorClassID:
    """In place of Ray's id of an actor class: its random numbers are the system's."""

    @staticmethod
    def from_random() -> Any:
        ids: Any = importlib.import_module("ray._raylet").ActorClassID
        return ids(os.urandom(ids.size()))


def import_ray() -> None:
    """Import it; each class of an actor in Ray Data draws an id meanwhile."""
    actor: Any = importlib.import_module("ray.actor")
    actor.ActorClassID = SystemActorClassID
    for name in LATE:
        importlib.import_module(name)


def name_process(title: str) -> None:
    """Give this process a command line of its own: a fork has that of its fork server."""
    os.environ["SPT_NOENV"] = "1"  # else it would take the place of the environment
    raylet: Any = importlib.import_module("ray._raylet")
    raylet.setproctitle(title)
