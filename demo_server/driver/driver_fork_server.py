"""`python -m demo_server.driver.driver_fork_server DESCRIPTOR`: forks drivers, all of one code.

It is asked on the socket DESCRIPTOR, until its standard input closes.
"""

from __future__ import annotations

import importlib
import socket
import sys
from collections.abc import Sequence
from typing import Any

from demo_server.ray_internals.forkable_ray import import_ray, name_process
from demo_server.system.fork_server import ForkServer


def main(words: Sequence[str]) -> None:
    import_ray()
    startup: Any = importlib.import_module("demo_server.driver.startup")
    startup.load_experiments()
    startup.disable_hub_lookup()
    if program := ForkServer(socket.socket(fileno=int(*words)), lifeline=0).serve():
        name_process(" ".join(["python", *program.argv]))
        program.run()


if __name__ == "__main__":
    main(sys.argv[1:])
