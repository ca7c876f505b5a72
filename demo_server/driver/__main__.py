"""`python -m demo_server.driver`: the child process of one run.

What it is told and what it answers is in `demo_server/protocol/driver_messages.py`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
import threading
from queue import SimpleQueue
from typing import NoReturn

from demo_server.driver.cluster import ClusterError, cluster_resources
from demo_server.driver.run_loop import RunLoop
from demo_server.driver.startup import add_settings, start
from demo_server.driver.writer import MessageWriter
from demo_server.protocol.driver_messages import (
    ActCommand,
    ConnectCommand,
    Ended,
    PrioritizeCommand,
    Ready,
    RunCommand,
    command,
)
from demo_server.protocol.errors import InputError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo_server.driver", description=__doc__)
    parser.add_argument("--messages-fd", type=int, required=True, help="where messages go")
    parser.add_argument("--wait", action="store_true", help="connect only when told to")
    add_settings(parser)
    args = parser.parse_args()
    channel = MessageWriter(args.messages_fd)
    channel.keep_alive()
    runs: SimpleQueue[RunCommand] = SimpleQueue()
    prioritized: list[PrioritizeCommand] = []
    sessions: list[RunLoop] = []
    may_connect = threading.Event()
    if not args.wait:
        may_connect.set()
    # Before the first word to Ray: a head that is gone keeps `ray.init` waiting for minutes.
    threading.Thread(
        target=listen, args=(runs, prioritized, sessions, may_connect), name="commands", daemon=True
    ).start()

    def give_up(ended: Ended, code: int = 1) -> NoReturn:
        channel.send(ended)
        channel.close()
        sys.stderr.flush()
        os._exit(code)  # a thread that reads standard input would make a plain exit abort

    try:
        session = start(args, channel.send, give_up, may_connect, prioritized)
    except (ClusterError, InputError) as error:
        print(error, file=sys.stderr)
        give_up(Ended(status="failed", reason=str(error)), 2)
    sessions.append(session)
    resources = cluster_resources()
    channel.send(
        Ready(
            pid=os.getpid(),
            versions=versions(),
            cpus=resources.get("CPU", 0.0),
            gpus=resources.get("GPU", 0.0),
            device=session.device,
        )
    )
    while True:
        channel.send(session.run(runs.get()))


def listen(
    runs: SimpleQueue[RunCommand],
    prioritized: list[PrioritizeCommand],
    sessions: list[RunLoop],
    may_connect: threading.Event,
) -> None:
    """Read commands; when standard input closes, end this process whatever it is doing.

    Args:
        runs: where commands to run go.
        prioritized: takes the run that waits already.
        sessions: the session that acts, once there is one.
        may_connect: set when Ray is up.
    """
    for line in sys.stdin.buffer:
        match command.validate_json(line):
            case ConnectCommand():
                may_connect.set()
            case PrioritizeCommand() as waiting:
                prioritized.append(waiting)
            case RunCommand() as run:
                runs.put(run)
            case ActCommand(action=action, args=args):
                for session in sessions:
                    session.act(action, args)
    os._exit(0)


def versions() -> dict[str, str]:
    packages = ("ray", "datasets", "sentence-transformers", "torch", "pyarrow")
    found = {name: importlib.metadata.version(name) for name in packages}
    return {"python": platform.python_version(), **found}


if __name__ == "__main__":
    main()
