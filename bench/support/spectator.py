"""The browser that watches while a server is measured: `spectator.mjs` as a child."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.support.served import MeasuringError, Served

PROGRAM = Path(__file__).with_name("spectator.mjs")
END_S = 15


@dataclass
class Spectator:
    """A presenter's page on the slide of an experiment."""

    child: subprocess.Popen[str]

    def report(self) -> dict[str, Any]:
        """Return what it has seen since the last report.

        `batches` have Unix times in ms, `longTasks` a `duration` in ms, `heapHighest` and
        `heapHeld`, after a garbage collection, are bytes.
        """
        assert self.child.stdin
        self.child.stdin.write("report\n")
        self.child.stdin.flush()
        found: dict[str, Any] = json.loads(self._line())
        return found

    def ready(self) -> None:
        """Wait until the slide is there."""
        self._line()

    def _line(self) -> str:
        assert self.child.stdout
        line = self.child.stdout.readline()
        if not line:
            raise MeasuringError("the browser ended; its messages are above")
        return line


@contextmanager
def spectator(server: Served, experiment: str) -> Iterator[Spectator]:
    """Open the slide of an experiment in Chromium, and close it at the end."""
    url = f"http://localhost:{server.port}"
    child = subprocess.Popen(
        ["node", str(PROGRAM), f"{url}/pair?code={server.pairing_code}", url, experiment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin
    try:
        one = Spectator(child)
        one.ready()
        yield one
    finally:
        child.stdin.close()
        child.wait(timeout=END_S)
