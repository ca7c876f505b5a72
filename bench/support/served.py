"""A server of our own to measure, and one client of its websocket."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from websockets.sync.client import ClientConnection, connect

from demo_server.processes import state_file

START_S = 30.0
WARM_S = 240.0
RUN_S = 300.0
ENDED = {"succeeded", "failed", "cancelled"}


class MeasuringError(Exception):
    """What kept us from measuring."""


def log(text: str) -> None:
    """Progress goes to stderr: stdout carries the result."""
    print(text, file=sys.stderr, flush=True)


@dataclass
class Served:
    """A server that answers, and a presenter's socket to it."""

    process: psutil.Process
    socket: ClientConnection
    port: int
    token: str
    cache: Path
    printed: list[str]
    """The lines of its log."""
    pairing_code: str
    """Makes one browser a presenter."""

    def run(self, experiment: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Run to the end, watching as a slide does; return the events.

        Raises:
            MeasuringError: it was refused, or did not succeed.
        """
        run_id = self.start(experiment, params)
        events = self.watch(run_id, lambda event: event_status(event) in ENDED)
        if event_status(events[-1]) != "succeeded":
            raise MeasuringError(f"{experiment} ended as {events[-1]['data']}")
        return events

    def start(self, experiment: str, params: dict[str, Any]) -> str:
        """Start a run and return its id.

        Raises:
            MeasuringError: it was refused.
        """
        request_id = secrets.token_hex(4)
        start = {"type": "start", "request_id": request_id, "experiment": experiment}
        self._send(start | {"params": params})
        return str(self._receive("accepted", request_id)["run_id"])

    def cancel(self, run_id: str) -> None:
        self._send({"type": "cancel", "run_id": run_id})

    def watch(self, run_id: str, until: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Return a run's events from the first on, the last of them one of which `until` is true.

        Raises:
            MeasuringError: it never came.
        """
        self._send({"type": "watch", "run_id": run_id, "after": 0})
        events: list[dict[str, Any]] = []
        ended = False
        while not ended:
            frame = self._receive("events", "")
            if frame["run_id"] == run_id:
                events += frame["events"]
                ended = any(map(until, frame["events"]))
        self._send({"type": "unwatch", "run_id": run_id})
        return events

    def log_path(self, run_id: str) -> Path:
        return self.cache / "runs" / run_id / "log.jsonl"

    def _send(self, frame: dict[str, Any]) -> None:
        self.socket.send(json.dumps(frame))

    def _receive(self, kind: str, request_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + RUN_S
        while time.monotonic() < deadline:
            frame: dict[str, Any] = json.loads(self.socket.recv(timeout=10))
            if frame["type"] == "error":
                raise MeasuringError(f"the server says: {frame['message']}")
            if frame["type"] == kind and frame.get("request_id", request_id) == request_id:
                return frame
        raise MeasuringError(f"no {kind} came within {RUN_S:.0f} s")


def pause(server: Served, seconds: float) -> None:
    """Let `seconds` pass; a client that doesn't read meanwhile would be closed."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        with contextlib.suppress(TimeoutError):
            server.socket.recv(timeout=left)


@contextmanager
def served(*args: str) -> Iterator[Served]:
    """Start a server in `DEMO_CACHE`, wait until the machine is measured, and end it.

    Args:
        args: more options of `demo-server serve`.
    """
    cache = Path(os.environ["DEMO_CACHE"])
    token, pairing_code = secrets.token_hex(16), secrets.token_urlsafe(16)
    command = ["-m", "demo_server", "serve", "--port", "0", "--stop-on-stdin-close"]
    child = subprocess.Popen(
        [sys.executable, *command, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DEMO_TOKEN": token, "DEMO_PAIRING_CODE": pairing_code},
    )
    assert child.stdin
    printed: list[str] = []
    listener = threading.Thread(target=_listen, args=(child, printed), daemon=True)
    listener.start()
    try:
        url = _address(cache, child)
        _warm(url)
        # Nobody reads between two runs, so pings would go unanswered.
        socket_url = url.replace("http", "ws", 1) + "/ws"
        with connect(socket_url, max_size=None, compression=None, ping_interval=None) as socket:
            socket.send(json.dumps({"type": "hello", "token": token}))
            port = int(url.rpartition(":")[2])
            process = psutil.Process(child.pid)
            yield Served(process, socket, port, token, cache, printed, pairing_code)
    finally:
        child.stdin.close()
        child.wait(timeout=15)
        listener.join(timeout=5)


def _listen(child: subprocess.Popen[str], printed: list[str]) -> None:
    """Keep what the server logs, and pass it on."""
    assert child.stderr
    for line in child.stderr:
        printed.append(line)
        sys.stderr.write(line)


def _address(cache: Path, child: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and child.poll() is None:
        entry = state_file.running_server(cache)
        if entry and entry.url:
            return entry.url
        time.sleep(0.1)
    raise MeasuringError("the server did not start; its messages are above")


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def _warm(url: str) -> None:
    """Wait until Ray is up and the defaults are measured: nothing else is at work then."""
    log("Ray warms up, and the machine is measured …")
    deadline = time.monotonic() + WARM_S
    while time.monotonic() < deadline:
        ready = _get(url + "/api/health")["status"] == "ready"
        measured = [e["measured"] for e in _get(url + "/api/experiments") if e["name"] == "embed"]
        if ready and all(measured) and measured:
            return
        time.sleep(0.5)
    raise MeasuringError(f"Ray is not warm and measured after {WARM_S:.0f} s")


def event_status(event: dict[str, Any]) -> str | None:
    return event["data"]["status"] if event["kind"] == "status" else None
