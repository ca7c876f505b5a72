"""The script that our head's raylet starts in place of Ray's dashboard agent.

It serves nothing and keeps no memory to mention; Ray's serves a dashboard that we don't start, and
imports for a second. The raylet waits for the agent's ports and ends with the agent.
"""

from __future__ import annotations

import os
import sys
import time

# Files in the session's directory; Ray writes -1 for a port on which nothing is served.
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port")
SESSION, NODE = "--session-dir=", "--node-id="


def report_no_ports(words: list[str]) -> None:
    """Write down that there are no ports, given what the raylet gives its agent."""
    session, node = (
        next(word.removeprefix(name) for word in words if word.startswith(name))
        for name in (SESSION, NODE)
    )
    for port in PORTS:
        path = os.path.join(session, f"{port}_{node}")
        with open(f"{path}.new", "w") as file:
            file.write("-1")
        os.replace(f"{path}.new", path)


if __name__ == "__main__":
    raylet = os.getppid()
    report_no_ports(sys.argv)
    while os.getppid() == raylet != 1:  # 1 has taken it where the raylet ended before
        time.sleep(1)
