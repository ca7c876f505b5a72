"""`python -m demo_server.ray_internals.head`: `ray start --head`, with workers that are forked.

Without two of its servers: one is for Ray clients and also takes a fixed port; the other is the
dashboard's, which runs with `--include-dashboard False` too. Nobody here uses them, and each
imports for a second while the first run waits. What is patched is private to Ray, which is pinned
exactly.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from demo_server.ray_internals import worker_fork_server, worker_start
from demo_server.ray_internals.worker_environment import BASE, FORK_SERVERS
from demo_server.system.fork_server import FORKS, listen


def main() -> None:
    """Take the arguments of the command `ray`."""
    if FORKS:
        fork_workers(Path(sys.argv[sys.argv.index("--temp-dir") + 1]) / "forks")
    # Not before: the process that was forked imports Ray when it knows the raylet.
    scripts: Any = importlib.import_module("ray.scripts.scripts")
    node: Any = importlib.import_module("ray._private.node")
    parameter: Any = importlib.import_module("ray._private.parameter")
    if FORKS:
        setup_worker = importlib.util.find_spec("ray._private.workers.setup_worker")
        assert setup_worker
        assert setup_worker.origin
        os.environ[worker_start.RAYS_SCRIPT] = setup_worker.origin
        parameter.RayParams = partial(parameter.RayParams, setup_worker_path=worker_start.__file__)
    scripts.get_ray_client_dependency_error = no_clients
    node.Node.start_api_server = no_dashboard
    scripts.main()


def fork_workers(directory: Path) -> None:
    """Fork the base of the servers that fork workers."""
    directory.mkdir()
    listener = listen(str(directory / BASE))
    os.environ[FORK_SERVERS] = str(directory)
    if os.fork() == 0:
        os.dup2(listener.fileno(), 0)
        listener.close()
        worker_fork_server.main()
        sys.exit()
    listener.close()


def no_clients() -> ImportError:
    """Return what Ray does where gRPC is missing: then it serves no clients."""
    return ImportError("Ray clients are not served.")


def no_dashboard(node: Any, **options: Any) -> None:
    """Start nothing."""


if __name__ == "__main__":
    main()
