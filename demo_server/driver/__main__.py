"""`python -m demo_server.driver OPTIONS DESCRIPTOR`: the process that does runs.

Arguments, commands and messages are declared in `demo_server/protocol/driver_messages.py`.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import NoReturn

from demo_server.driver.cluster import cluster_resources
from demo_server.driver.run_loop import RunLoop
from demo_server.driver.startup import start
from demo_server.driver.writer import MessageWriter
from demo_server.protocol.driver_messages import (
    ActCommand,
    ConnectCommand,
    DriverOptions,
    Ended,
    PrioritizeCommand,
    Ready,
    ReleaseCommand,
    RunCommand,
    command,
)
from demo_server.protocol.errors import ClusterError, InputError


def main(words: Sequence[str]) -> None:
    text, descriptor = words
    options = DriverOptions.model_validate_json(text)
    channel = MessageWriter(int(descriptor))
    channel.keep_alive()
    runs: SimpleQueue[RunCommand | ReleaseCommand] = SimpleQueue()
    prioritized: list[PrioritizeCommand] = []
    sessions: list[RunLoop] = []
    may_connect = threading.Event()
    if not options.wait:
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
        session = start(options, channel.send, give_up, may_connect, prioritized)
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
        match runs.get():
            case ReleaseCommand():
                session.release()
            case RunCommand() as run:
                channel.send(session.run(run))
                session.renew()


def listen(
    runs: SimpleQueue[RunCommand | ReleaseCommand],
    prioritized: list[PrioritizeCommand],
    sessions: list[RunLoop],
    may_connect: threading.Event,
) -> None:
    """Read commands; when standard input closes, end this process whatever it is doing.

    Args:
        runs: takes what is done one after the other.
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
            case RunCommand() | ReleaseCommand() as found:
                runs.put(found)
            case ActCommand(action=action, args=args):
                for session in sessions:
                    session.act(action, args)
    os._exit(0)


def versions() -> dict[str, str]:
    packages = ("ray", "datasets", "sentence-transformers", "torch", "pyarrow")
    found = {name: importlib.metadata.version(name) for name in packages}
    return {"python": platform.python_version(), **found}


if __name__ == "__main__":
    main(sys.argv[1:])
