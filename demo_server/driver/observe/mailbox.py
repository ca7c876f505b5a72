"""Where the workers of a job leave their samples: an actor on the driver's node."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from demo_server.ray_internals.actor_names import MAILBOX

MAX_WAITING = 256


class Mailbox:
    """Where workers leave samples and the driver takes them; keeps the newest."""

    def __init__(self) -> None:
        self._samples: deque[dict[str, Any]] = deque(maxlen=MAX_WAITING)
        self._arrived = asyncio.Event()

    async def put(self, sample: dict[str, Any]) -> None:
        self._samples.append(sample)
        self._arrived.set()

    async def wake(self) -> None:
        """Wake the reader that waits for samples, though there may be none."""
        self._arrived.set()

    async def take(self, wait_s: float) -> list[dict[str, Any]]:
        """Return what has arrived, waiting up to `wait_s` for the first sample."""
        try:
            await asyncio.wait_for(self._arrived.wait(), wait_s)
        except TimeoutError:
            return []
        self._arrived.clear()
        samples, self._samples = list(self._samples), deque(maxlen=MAX_WAITING)
        return samples


def open_mailbox() -> ActorHandle[Any]:
    """Create this job's mailbox, on the driver's node; it takes no CPU and ends with the job.

    A node asked for softly is not kept to: Ray starts an actor without CPUs on any.
    """
    actor: Any = ray.remote(Mailbox)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = actor.options(name=MAILBOX, num_cpus=0, scheduling_strategy=here)
    mailbox: ActorHandle[Any] = options.remote()
    return mailbox


def find_mailbox() -> ActorHandle[Any] | None:
    """Return the mailbox of the job that this process works for, None if it has none."""
    if not ray.is_initialized():
        return None
    try:
        handle: ActorHandle[Any] = ray.get_actor(MAILBOX)
    except ValueError:
        return None
    return handle
