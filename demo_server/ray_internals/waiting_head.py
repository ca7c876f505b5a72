"""What the process of `ray start --block` becomes once Ray runs: it waits for what it has started.

It has imported nothing by then, where Ray's own would keep 0.1 GB. What it started ends with it.
Its argument is the process id of the fork server, without which Ray goes on.
"""

from __future__ import annotations

import os
import sys


def wait(fork_server: int) -> None:
    """Return when one of Ray's processes has ended."""
    while os.wait()[0] == fork_server:
        continue


if __name__ == "__main__":
    wait(int(sys.argv[1]))
    sys.exit(1)
