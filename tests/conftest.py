"""The fixtures of all tests; what they are made of is in `tests/support`."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import uvicorn

from demo_server.composition import Composition
from demo_server.processes.head_command import NODE_ENV
from demo_server.processes.ray_head import Ray
from demo_server.processes.state_file import StateFile
from demo_server.server import DemoServer, uvicorn_config
from demo_server.system.checkout import ROOT
from demo_server.system.outline import Outline
from demo_server.system.settings import Settings
from tests.support.client import TOKEN, Serve, Served
from tests.support.fakes import DESCRIPTIONS, FakeRay, fake_command
from tests.support.prepared_cache import write_measurement
from tests.support.ray_cluster import Outside, RayCluster, free_port
from tests.support.trace import deprecations, environment

# How long an example takes is the machine's business, and its load's.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose cache is new and whose machine is measured already."""
    made = Settings(cache=tmp_path / "cache", dist=tmp_path / "dist", token=TOKEN)
    made.cache.mkdir()
    write_measurement(made)
    return made


@pytest.fixture
async def serve(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serve]:
    """Start servers with fake drivers; all are ended with the test."""
    # An edit of the experiments while the tests run must not bring the real ones in.
    for module in ("server", "composition"):
        monkeypatch.setattr(f"demo_server.{module}.code_version", lambda: "fixed")
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def start(ray: Ray | None = None, command: Any = fake_command, **changes: Any) -> Served:
        used = replace(settings, **changes)
        listener = socket.create_server(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
        state = StateFile(settings.cache / "server.json", "local-secret")
        composition = Composition(used, state, ray=ray or FakeRay(), command=command)
        key = composition.describer.key()
        remembered = {"key": key, "descriptions": DESCRIPTIONS.model_dump(by_alias=True)}
        composition.describer.path.write_text(json.dumps(remembered))
        server = DemoServer(used, port, composition, "local-secret")
        process = uvicorn.Server(uvicorn_config(server.app))
        # The listener takes connections already: clients wait until it is served.
        running.append((process, asyncio.create_task(process._serve([listener]))))
        return Served(server, port)

    yield start
    for process, task in running:
        process.should_exit = True
        await task


@pytest.fixture(scope="session")
def ran_lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a file for each experiment: the numbers of its lines that ran."""
    return tmp_path_factory.mktemp("ran")


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    """Where a driver or worker of `ray_head` ends up that asks for something of another machine."""
    outside = Outside()
    yield outside
    outside.close()


@pytest.fixture(scope="session")
def ray_head(ran_lines: Path, outside: Outside) -> Iterator[RayCluster]:
    """A head of two CPUs that all tests share, also those of drivers that are killed."""
    cluster = RayCluster(free_port(), forks=True)
    cluster.more_env = {
        **NODE_ENV,
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on 127.0.0.1 alone, as our own head is
        **environment(ran_lines),
        **outside.env,
    }
    # Ended from outside, the tests still end what they started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cluster.add(2, cluster.env())
    yield cluster
    cluster.stop()
    assert deprecations(ran_lines) == [], "drivers and workers warn of what will go"


@pytest.fixture(scope="session")
def built_outline() -> Outline:
    """The outline of this deck, as a build writes it."""
    command = ["node", "scripts/outline.mjs", "--print"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return Outline.model_validate_json(printed)
