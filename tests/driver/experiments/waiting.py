"""A function that waits."""

from __future__ import annotations

import threading
from typing import Any

import ray

from demo_server.toolkit.context import Context, Needs, Parameters


class Params(Parameters):
    cpus: int = 1


needs = Needs(actors=0, task_cpus=1)


def run(params: Params, context: Context) -> None:
    # Within `run`: the workers of the tests' head know the experiments of another checkout.
    def wait(batch: dict[str, Any]) -> dict[str, Any]:
        """Wait for what never comes, using no CPU time."""
        threading.Event().wait()
        return batch

    ray.data.range(1).map_batches(wait, num_cpus=params.cpus).materialize()
