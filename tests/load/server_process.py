"""The server under stress, as a process that can be killed and started again."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

START_S = 120.0
STOP_S = 60.0
ROOT = Path(__file__).parent.parent.parent


class StressError(Exception):
    """What kept the scenario from being played."""


class ServerProcess:
    """A server on one port and one cache over several lives; its log is kept over all of them."""

    def __init__(self, cache: Path, port: int, module: str = "tests.load.rayless") -> None:
        self.cache, self.port = cache, port
        self.token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{port}"
        self.up = False
        self.lives = 0
        self._module = module
        self._log = cache / "server.log"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> psutil.Process:
        assert self._child is not None
        return psutil.Process(self._child.pid)

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    async def __aenter__(self) -> ServerProcess:
        await self.start()
        await self.until_ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> float:
        """Start it and wait until it answers; return the seconds that took.

        Raises:
            StressError: it ended, or did not answer in time.
        """
        began = time.monotonic()
        self.cache.mkdir(parents=True, exist_ok=True)
        self._spawn()
        while time.monotonic() - began < START_S and self.alive:
            health = await self.get("/api/health")
            if health:
                self.up = True
                self.lives += 1
                return time.monotonic() - began
            await asyncio.sleep(0.05)
        raise StressError(f"the server did not start: {self.log[-2000:]}")

    def _spawn(self) -> None:
        options = ["--port", str(self.port), "--dist", str(self.cache / "dist")]
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", self._module, *options, "--stop-on-stdin-close"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "DEMO_CACHE": str(self.cache), "DEMO_TOKEN": self.token},
            )

    async def until_ready(self) -> None:
        """Wait until a run could begin.

        Raises:
            StressError: that takes too long.
        """
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            health = await self.get("/api/health")
            if health and health["status"] == "ready":
                return
            await asyncio.sleep(0.05)
        raise StressError(f"the server is not ready: {self.log[-2000:]}")

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._child is not None
        self.up = False
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()
        self._close_stdin()

    async def stop(self) -> None:
        """End it as the end of `npm start` does."""
        if self._child is None:
            return
        self.up = False
        self._close_stdin()
        try:
            await asyncio.to_thread(self._child.wait, STOP_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            raise StressError(f"the server does not end: {self.log[-2000:]}") from None

    async def get(self, path: str) -> Any:
        """Return what the HTTP API says as the presenter, None while nobody answers."""
        return await asyncio.to_thread(self._get, path)

    def _get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def _close_stdin(self) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        self._child.stdin.close()

    async def run_meanwhile(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run this Python with `words` to its end, its output in one text."""
        command = [sys.executable, *words]
        return await asyncio.to_thread(
            lambda: subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                cwd=self.cache,
            )
        )

    def memory_mb(self) -> float:
        return float(self.process.memory_info().rss / 1e6)

    def open_files(self) -> int:
        return int(self.process.num_fds())

    def tracebacks(self) -> int:
        return self.log.count("Traceback (most recent call last)")
