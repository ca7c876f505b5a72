"""`python -m demo_server.ray_internals.head`: `ray start --head`, with workers that are forked.

Without three of its servers: one is for Ray clients and also takes a fixed port; another is the
dashboard's, which runs with `--include-dashboard False` too; and the dashboard's agent. Nobody here
uses them, and each imports for a second while the first run waits. Where workers are forked, this
process keeps nothing of what it has imported once Ray runs. What is patched is private to Ray,
which is pinned exactly.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from demo_server.ray_internals import no_agent, waiting_head, worker_fork_server, worker_start
from demo_server.ray_internals.worker_environment import BASE, FORK_SERVERS
from demo_server.system.fork_server import FORKS, listen


def main() -> None:
    """Take the arguments of the command `ray`."""
    fork_server = 0
    if FORKS:
        fork_server = fork_workers(Path(sys.argv[sys.argv.index("--temp-dir") + 1]) / "forks")
    # Not before: the process that was forked imports Ray when it knows the raylet.
    scripts: Any = importlib.import_module("ray.scripts.scripts")
    node: Any = importlib.import_module("ray._private.node")
    parameter: Any = importlib.import_module("ray._private.parameter")
    services: Any = importlib.import_module("ray._private.services")
    if FORKS:
        setup_worker = importlib.util.find_spec("ray._private.workers.setup_worker")
        assert setup_worker
        assert setup_worker.origin
        os.environ[worker_start.RAYS_SCRIPT] = setup_worker.origin
        parameter.RayParams = partial(parameter.RayParams, setup_worker_path=worker_start.__file__)
        # The first that `--block` does when all has started. On macOS Ray's reaper reads a pipe of
        # this process, which another program would close: it would end Ray.
        scripts.setup_process_exit_logger = partial(become_waiting, fork_server)
    scripts.get_ray_client_dependency_error = no_clients
    node.Node.start_api_server = no_dashboard
    build_command = "_build_python_executable_command_memory_profileable"
    setattr(services, build_command, partial(without_agent, getattr(services, build_command)))
    scripts.main()


def fork_workers(directory: Path) -> int:
    """Fork the base of the servers that fork workers; return its process id."""
    directory.mkdir()
    listener = listen(str(directory / BASE))
    os.environ[FORK_SERVERS] = str(directory)
    pid = os.fork()
    if pid == 0:
        os.dup2(listener.fileno(), 0)
        listener.close()
        worker_fork_server.main()
        sys.exit()
    listener.close()
    return pid


def no_clients() -> ImportError:
    """Return what Ray does where gRPC is missing: then it serves no clients."""
    return ImportError("Ray clients are not served.")


def no_dashboard(node: Any, **options: Any) -> None:
    """Start nothing."""


def without_agent(
    build: Callable[..., list[str]], component: str, *words: Any, **options: Any
) -> list[str]:
    """Return how a component's command line begins; Ray's script and its flags follow."""
    if component == "dashboard_agent":
        return bare_python(no_agent.__file__)
    return build(component, *words, **options)


def become_waiting(fork_server: int, _log: str) -> None:
    """Go on as a process that has imported nothing."""
    words = bare_python(waiting_head.__file__)
    os.execv(words[0], [*words, str(fork_server)])


def bare_python(script: str) -> list[str]:
    """Return the command line of a script that imports from Python's own library alone."""
    return [sys.executable, "-I", "-S", script]


if __name__ == "__main__":
    main()
