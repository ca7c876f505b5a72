"""Ray for the tests: heads and nodes of their own, ended by process group."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from demo_server.system import process
from tests.support.bounds import HANG_S
from tests.support.prepared_cache import converted_model


@dataclass
class Node:
    """One `ray start --block`, and what it started."""

    child: subprocess.Popen[bytes]
    started_at: float
    directory: Path

    def stop(self) -> None:
        process.end_session(self.child.pid, self.started_at)
        self.child.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


@dataclass
class RayCluster:
    """A head, and the nodes that have joined it; the head as the server starts it if it `forks`."""

    port: int
    forks: bool = False
    token: str = field(default_factory=lambda: secrets.token_hex(32))
    nodes: list[Node] = field(default_factory=list)
    more_env: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def env(self, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "DEMO_CACHE": str(converted_model()),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9/",
            **self.more_env,
            **more,
        }

    def add(self, cpus: int, env: dict[str, str], cwd: Path | None = None) -> Node:
        """Start the head, or a node that joins it, and wait until it is up."""
        # A socket's path may be 104 characters long, so not pytest's directory.
        directory = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        module, role = "ray.scripts.scripts", [f"--address={self.address}"]
        if not self.nodes:
            role = ["--head", f"--port={self.port}", "--include-dashboard=False"]
            if self.forks:
                module = "demo_server.ray_internals.head"
                role += ["--no-monitor", "--include-log-monitor=False"]
        output = directory / "start.out"
        with output.open("wb") as file:
            started = subprocess.Popen(
                [
                    *(sys.executable, "-m", module, "start", "--block"),
                    *role,
                    f"--num-cpus={cpus}",
                    "--node-ip-address=127.0.0.1",
                    *("--temp-dir", str(directory)),
                    "--object-store-memory=300000000",
                    "--disable-usage-stats",
                ],
                env=env,
                cwd=cwd,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        node = Node(started, psutil.Process(started.pid).create_time(), directory)
        self.nodes.append(node)
        deadline = time.monotonic() + HANG_S
        while b"Ray runtime started" not in output.read_bytes():
            if started.poll() is not None or time.monotonic() > deadline:
                words = output.read_text()[-2000:]
                self.stop()
                raise RuntimeError(f"Ray did not start:\n{words}")
            time.sleep(0.05)
        return node

    def stop(self) -> None:
        while self.nodes:
            self.nodes.pop().stop()


def printed(program: str, head: RayCluster) -> list[str]:
    """Run a driver and return the last line that it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, head.address],
        env=head.env(),
        capture_output=True,
        text=True,
        timeout=HANG_S,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1:]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Where a head looks, whatever it is told, for the cloud that it may be in.
CLOUDS = ("169.254.169.254", "metadata.google.internal")


class Outside:
    """A proxy for everything beyond this machine; it only counts who asks for it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def env(self) -> dict[str, str]:
        proxy = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        none = "localhost,127.0.0.1,::1"
        return {**dict.fromkeys(names, proxy), "no_proxy": none, "NO_PROXY": none}

    def close(self) -> None:
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            with connection:
                asked = connection.recv(200).decode(errors="replace").split("\r\n")[0]
            if not any(f"//{cloud}/" in asked for cloud in CLOUDS):
                self.asked.append(asked)
