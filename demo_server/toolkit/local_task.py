"""A function that a worker of the driver's own node runs: its files and memory are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

Result = TypeVar("Result")


def run_here(function: Callable[..., Result], *args: Any) -> Result:
    """Run `function` in a worker of this node, which needs no CPU of Ray's, and wait for it.

    Raises:
        Exception: what it raised, or a `ray.exceptions.RayError` where its worker died.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    task: Any = ray.remote(function)
    try:
        result: Result = ray.get(task.options(num_cpus=0, scheduling_strategy=here).remote(*args))
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    return result
