"""What stands ready, and what twenty runs of `embed` cost the server: memory, files, processes."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import psutil

from bench.support.served import Served, log, pause, served

RUNS = 20
PARAMS = {"rows": 256, "batch_size": 64, "blocks": 4}
SETTLE_S = 8.0
# Until both standbys and all workers stand ready.
READY_S = 40.0
MOST_READY_MB = 1250
MOST_MB = 150
MOST_GROWTH_MB = 5


def reading(server: Served) -> dict[str, float]:
    """Return the server's resident memory in MB, its open files, and the processes below it."""
    with server.process.oneshot():
        return {
            "memory": server.process.memory_info().rss / 1e6,
            "files": server.process.num_fds(),
            "processes": len(server.process.children(recursive=True)),
        }


def proportional_mb(server: Served) -> float:
    """Return the memory of the server and all below it in MB; shared pages count once, in parts."""
    total = 0
    for process in (server.process, *server.process.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:  # it has just ended
            continue
    return total / 1e6


def main() -> None:
    ready = []
    with served() as server:
        if sys.platform == "linux":  # macOS doesn't count who shares a page
            pause(server, READY_S)
            what = "memory of all processes when warm, proportional set size"
            most = {"at_most": MOST_READY_MB, "unit": "MB"}
            ready = [{"what": what, "value": proportional_mb(server), **most}]
        time.sleep(SETTLE_S)
        before = reading(server)
        log(f"before: {before}")
        memory = []
        for number in range(1, RUNS + 1):
            started = time.monotonic()
            server.run("embed", PARAMS)
            now = reading(server)
            memory.append(now["memory"])
            log(f"run {number} of {RUNS}: {now}, {time.monotonic() - started:.1f} s")
        time.sleep(SETTLE_S)
        after = reading(server)
    found = ready + measures(before, memory, after)
    print(json.dumps({"measures": found, "notes": notes(memory)}))


def measures(
    before: dict[str, float], memory: list[float], after: dict[str, float]
) -> list[dict[str, Any]]:
    # The first runs fill buffers and import what is imported late.
    growth = statistics.median(memory[-5:]) - statistics.median(memory[3:8])
    megabytes = {"unit": "MB", "digits": 1}
    return [
        {"what": "server memory before", "value": before["memory"], **megabytes},
        {
            "what": f"server memory after {RUNS} runs",
            "value": after["memory"],
            "at_most": MOST_MB,
            **megabytes,
        },
        {
            "what": "highest after a run",
            "value": max(memory),
            "at_most": MOST_MB,
            **megabytes,
        },
        {
            "what": "growth, the last five runs over runs 4 to 8 (medians)",
            "value": growth,
            "at_most": MOST_GROWTH_MB,
            **megabytes,
        },
        {"what": "open files before", "value": before["files"]},
        {
            "what": "open files after",
            "value": after["files"],
            # A held result is one more driver: its pipe, its stdin and its output.
            "at_most": before["files"] + 4,
        },
        {"what": "processes below it before", "value": before["processes"]},
        {"what": "processes below it after", "value": after["processes"]},
    ]


def notes(memory: list[float]) -> list[str]:
    series = ", ".join(f"{value:.0f}" for value in memory)
    return [
        f"{PARAMS['rows']} rows a run, one presenter's socket that watches each. Resident memory "
        f"of the server's process after each run, in MB: {series}."
    ]


if __name__ == "__main__":
    main()
