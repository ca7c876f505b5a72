"""What each of our head's worker processes imports before it is given anything to do.

The head names this module to Ray (`RAY_preload_python_modules`). A worker's environment says which
libraries: none, unless it was started for an actor that asks for them; see `prestart.py`. Such a
worker imports what an actor of ours needs in addition.
"""

from __future__ import annotations

import importlib
import os

from demo_server.embedding.openvino import disable_telemetry
from demo_server.protocol.errors import ExperimentError
from demo_server.ray_internals.prestart import MODULES

if MODULES in os.environ:
    disable_telemetry()
    for name in os.environ[MODULES].split(","):
        importlib.import_module(name)
    # Its class is defined in an experiment, observed, and comes in Ray Data's own actor.
    importlib.import_module("ray.data._internal.execution.operators.actor_pool_map_operator")
    importlib.import_module("demo_server.driver.observe.reporter")
    catalog = importlib.import_module("demo_server.driver.loader")
    for name in catalog.names():
        try:
            catalog.load(name)
        except ExperimentError:  # the standby has said so; a run that asks for it fails
            continue
