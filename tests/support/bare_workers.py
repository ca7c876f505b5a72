"""Workers of Ray, forked by a process that has imported what an actor here imports for 7 seconds.

A script for a Python that hasn't this project, next to copies of `fork_server` and `forkable_ray`.
Ray starts it for each worker, as its `setup_worker_path`; called with `serve` it is what forks.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

# In the script's own folder.
forks: Any = importlib.import_module("fork_server")
forkable_ray: Any = importlib.import_module("forkable_ray")

SOCKET = str(Path(__file__).with_name("socket"))
RAYS_OWN = ("--language=", "--serialized-runtime-env-context=")


def serve() -> None:
    """Fork until the standard input ends."""
    listener = forks.listen(SOCKET)
    importlib.import_module("sentence_transformers")
    if program := forks.ForkServer(listener, lifeline=0, prepare=import_ray).serve():
        forkable_ray.name_process("ray::IDLE")
        program.run()


def import_ray(first: Any) -> None:
    """Import Ray, which reads some variables then; a worker that is for no job serves any."""
    os.environ |= first.env | {"RAY_JOB_ID": "ffffffff"}
    forkable_ray.import_ray()


def fork() -> None:
    """Have the worker forked that Ray wants, and end: Ray knows it by the id that it brings."""
    words = [word for word in sys.argv[1:] if not word.startswith(RAYS_OWN)]
    worker = forks.Program(words, dict(os.environ), os.getcwd())
    with forks.ask(SOCKET, worker, [0, 1, 2]) as answers:
        answers.recv(1024)


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else fork()
