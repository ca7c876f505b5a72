"""What each of our head's worker processes imports before it is given anything to do.

The head names this module to Ray (`RAY_preload_python_modules`). A worker's environment says which
libraries: none, unless it was started for an actor that asks for them; see `prestart.py`. Such a
worker imports what an actor of ours needs in addition. The others import nothing of ours here: each
would keep ten megabytes of its own for the protocol's models.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from demo_server.ray_internals.forkable_ray import MAP_ACTOR
from demo_server.ray_internals.worker_environment import MODULES

NICE = 19  # the lowest CPU priority


def at_low_priority(work: Callable[[], object]) -> None:
    """Do `work` in a thread that leaves the CPUs to a run that computes meanwhile.

    A process could not raise its priority again. A thread of its own has one on Linux alone.
    """

    def lower() -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)

    with ThreadPoolExecutor(1, initializer=lower) as thread:
        thread.submit(work).result()


def import_ray_data() -> None:
    """Import what Ray Data's tasks need, 0.9 s of a CPU: done before there is such a task."""
    at_low_priority(lambda: importlib.import_module("ray.data"))


def import_for_actor() -> None:
    """Import what an actor of ours needs."""
    openvino = importlib.import_module("demo_server.embedding.openvino")
    openvino.disable_telemetry()
    for name in os.environ[MODULES].split(","):
        importlib.import_module(name)
    # Its class is defined in an experiment, observed, and comes in Ray Data's own actor.
    importlib.import_module(MAP_ACTOR)
    importlib.import_module("demo_server.driver.observe.reporter")
    catalog = importlib.import_module("demo_server.driver.loader")
    for name in catalog.names():
        try:
            catalog.load(name)
        except catalog.ExperimentError:  # the standby has said so; a run that asks for it fails
            continue


if MODULES in os.environ:
    at_low_priority(import_for_actor)
