"""How a head of ours is started: its command line, and the environments of its processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from demo_server.system.memory import available_bytes

MAX_OBJECT_STORE_BYTES = 2 * 1024**3
MIN_OBJECT_STORE_BYTES = 100 * 1024**2
# What each worker process imports first; it runs in the workers, never here.
PRELOAD = "demo_server.driver.preload"
# The environment of the raylet and its workers.
NODE_ENV = {
    "RAY_preload_python_modules": PRELOAD,
    # Ray ends idle workers after a second, more than one for each CPU; a standby keeps some for its
    # first tasks, which would wait 0.9 s for others. Those of a driver that ended go in any case.
    "RAY_idle_worker_killing_time_threshold_ms": str(7 * 24 * 3600 * 1000),
}


def local_env(token: str) -> dict[str, str]:
    """Return the environment of a local head and of the drivers that connect to it."""
    return {
        **os.environ,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token,
        "RAY_USAGE_STATS_ENABLED": "0",
        # Disabled, Ray still reports that it is disabled: to an address that nothing listens on.
        "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9/",
        # Ray then stays on 127.0.0.1: the machine may change its network during the talk.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        # Ray's agents talk gRPC among themselves: not by the proxy that the environment may name.
        "no_grpc_proxy": "localhost,127.0.0.1,::1",
    }


def start_command(directory: Path, port: int, cpus: int) -> list[str]:
    """Return what starts a head that keeps its files in `directory`, for drivers on `port`."""
    options = {
        "--port": port,
        "--node-ip-address": "127.0.0.1",
        "--temp-dir": directory,
        "--num-cpus": cpus,
        "--object-store-memory": object_store_bytes(available_bytes()),
        "--include-dashboard": "False",
        "--include-log-monitor": "False",
        "--dashboard-agent-listen-port": 0,
        "--log-style": "record",
        "--log-color": "false",
    }
    flags = [str(part) for option in options.items() for part in option]
    start = [sys.executable, "-m", "demo_server.ray_internals.head", "start", "--head", "--block"]
    # No monitor: there is no autoscaler that it could ask for nodes.
    return [*start, "--disable-usage-stats", "--no-monitor", *flags]


def object_store_bytes(available: int) -> int:
    """Return how much of `available` bytes of memory the object store gets."""
    return max(MIN_OBJECT_STORE_BYTES, min(MAX_OBJECT_STORE_BYTES, available // 4))
