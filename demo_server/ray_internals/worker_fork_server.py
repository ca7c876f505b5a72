"""`python -m demo_server.ray_internals.worker_fork_server`: forks workers of one head.

Its standard input is the socket on which it is asked. The base has what every worker of Ray Data
needs; the head forks it. For each set of libraries that actors shall have imported, the base forks
another such server, which imports them once for all its workers.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
from pathlib import Path

from demo_server.ray_internals import forkable_ray
from demo_server.ray_internals.worker_environment import (
    FORK_SERVERS,
    JOB,
    MODULES,
    NO_JOB,
    RAYLET,
    RECORDED,
)
from demo_server.ray_internals.worker_start import FORK_SERVER
from demo_server.system.files import write_atomically
from demo_server.system.fork_server import ForkServer, Program

# What the libraries below import, and what no worker tells apart: it is there before Ray is.
EARLY = ("pandas", "pyarrow", "pydantic", "requests", "jsonschema", "datasets")


def main() -> None:
    listener = socket.socket(fileno=os.dup(0))
    base = MODULES not in os.environ
    ours = list[str]()
    if not base:
        importlib.import_module(os.environ["RAY_preload_python_modules"])  # noqa: SIM112 (Ray's)
        server = ForkServer(listener, forked=record, ended=forget)
    else:
        for name in EARLY:
            importlib.import_module(name)
        server = ForkServer(listener, prepare=import_ray, forked=record, ended=forget)
        # Found before there are forks: to go through all names is to copy the pages they are on.
        ours = [name for name in sys.modules if f"{name}.".startswith("demo_server.")]
    if program := server.serve():
        forkable_ray.name_process("ray::IDLE")  # as Ray names a worker that waits for work
        for name in ours:  # imported as it is by then, and from where the worker's driver has it
            del sys.modules[name]
        program.run()


def import_ray(first: Program) -> None:
    """Import Ray, which reads these variables then, and for the processes forked later.

    A worker that Ray starts for no job in particular serves any.
    """
    os.environ[RAYLET] = first.env[RAYLET]
    os.environ[JOB] = NO_JOB
    forkable_ray.import_ray()


def record_path(pid: int) -> Path:
    return Path(os.environ[FORK_SERVERS], f"{pid}.json")


def record(pid: int, program: Program) -> None:
    """Write down what the process was asked for with: its own environment is not readable."""
    environ = {name: program.env[name] for name in RECORDED if name in program.env}
    found = {"environ": environ, "forks": program.argv == FORK_SERVER}
    write_atomically(record_path(pid), json.dumps(found))


def forget(pid: int) -> None:
    record_path(pid).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
