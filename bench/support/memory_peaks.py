"""The highest resident memory of each kind of process below a server, sampled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

SAMPLE_S = 1.0


def kind_of(words: list[str]) -> str | None:
    """Return what a command line is of: `driver`, `actor`, `raylet`, `head` or None for others."""
    command = " ".join(words)
    if "demo_server.driver" in words:
        return "driver"
    if "TextEmbedder" in command or "MapWorker" in command:
        return "actor"
    if command.startswith("ray::") or "default_worker.py" in command:
        return "other worker"
    if words and words[0].endswith("raylet"):
        return "raylet"
    if words and words[0].endswith("gcs_server"):
        return "head"
    return None


def resident(server: psutil.Process) -> dict[str, float]:
    """Return the resident MB of the largest process of each kind, the server among them."""
    found = {"server": server.memory_info().rss / 1e6}
    for process in server.children(recursive=True):
        try:
            kind, megabytes = kind_of(process.cmdline()), process.memory_info().rss / 1e6
        except psutil.Error:  # it has ended
            continue
        if kind:
            found[kind] = max(megabytes, found.get(kind, 0.0))
    return found


@contextmanager
def peaks(server: psutil.Process) -> Iterator[dict[str, float]]:
    """Sample until the block ends; what it gives holds the highest MB of each kind by then."""
    highest: dict[str, float] = {}
    stop = threading.Event()

    def sample() -> None:
        while not stop.is_set():
            for kind, megabytes in resident(server).items():
                highest[kind] = max(megabytes, highest.get(kind, 0.0))
            stop.wait(SAMPLE_S)

    thread = threading.Thread(target=sample, name="memory", daemon=True)
    thread.start()
    try:
        yield highest
    finally:
        stop.set()
        thread.join()
