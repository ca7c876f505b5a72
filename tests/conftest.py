"""What the server's tests share: settings, a Ray that is not there, and a server to talk to."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import uvicorn
import websockets
from ray_cluster import Outside, RayCluster, free_port

from demo_server.composition import Composition
from demo_server.processes.calibration import KEY, Calibration
from demo_server.processes.ray_head import Ray, RayStartError, RayState, Usage
from demo_server.processes.state_file import StateFile
from demo_server.protocol.driver_messages import Description, Descriptions, Needs
from demo_server.server import DemoServer, uvicorn_config
from demo_server.system.settings import Settings

# How long an example takes is the machine's business, and its load's.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

TOKEN = "presenter-token"
TRACING = Path(__file__).parent / "tracing"
FAKE_DRIVER = Path(__file__).parent / "fake_driver.py"


class FakeRay:
    """A Ray whose start and end the test decides."""

    ours = True
    local = True
    address = "127.0.0.1:1"

    def __init__(self, cpus: float | None = 4, state: RayState = RayState.UP) -> None:
        self.cpus, self.state = cpus, state
        self.starts, self.stops = 0, 0
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.trouble: str | None = None

    def env(self) -> dict[str, str]:
        return {}

    async def start(self) -> None:
        self.starts += 1
        self.state = RayState.STARTING
        await self.may_start.wait()
        if self.trouble:
            self.state = RayState.DOWN
            raise RayStartError(self.trouble)
        self.state = RayState.UP

    async def stop(self) -> None:
        self.stops += 1
        self.state = RayState.DOWN

    async def usage(self) -> Usage:
        up = self.state is RayState.UP
        return Usage(processes=8, memory_bytes=700) if up else Usage(0, 0)


def description(name: str, **changes: Any) -> Description:
    """An experiment whose `does` tells the fake driver what to do."""
    properties = {
        "does": {"type": "string", "maxLength": 200},
        "rows": {"type": "integer", "minimum": 1, "maximum": 5000, "description": "how many"},
        "concurrency": {"type": "integer", "minimum": 1, "maximum": 64},
        "num_cpus": {"type": "integer", "minimum": 1, "maximum": 64},
    }
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    fields: dict[str, Any] = {
        "name": name,
        "title": name.title(),
        "schema": schema,
        "defaults": {"does": "plan progress:3 end", "rows": 10, "concurrency": 1, "num_cpus": 1},
        "regions": {},
        "code_hash": "0" * 64,
        "needs": Needs(actors="concurrency", cpus_per_actor="num_cpus"),
        "actions": ["poke"],
    }
    return Description.model_validate({**fields, **changes})


DESCRIPTIONS = Descriptions(
    experiments=[
        description("embed"),
        description("show", uses_held=True, needs=Needs()),
        description("shutdown", uses_held=True, needs=Needs()),
    ]
)


def fake_command(ray: Ray, settings: Settings) -> list[str]:
    return [sys.executable, str(FAKE_DRIVER)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose cache is new and whose machine is measured already."""
    made = Settings(cache=tmp_path / "cache", dist=tmp_path / "dist", token=TOKEN)
    made.cache.mkdir()

    async def nothing() -> None: ...

    made.machine_file.write_text(json.dumps({KEY: Calibration(made, FakeRay(), nothing).key()}))
    return made


class Peer:
    """A client of the websocket that remembers what it was told."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []
        self.streams: dict[str, list[dict[str, Any]]] = {}

    async def send(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def until(
        self, wanted: Callable[[dict[str, Any]], Any], within_s: float = 20
    ) -> dict[str, Any]:
        """Return the first frame from now on of which `wanted` is true."""
        async with asyncio.timeout(within_s):
            while True:
                frame: dict[str, Any] = json.loads(await self.socket.recv())
                self.seen.append(frame)
                if wanted(frame):
                    return frame

    async def frame(self, type_: str, within_s: float = 20) -> dict[str, Any]:
        return await self.until(lambda frame: frame["type"] == type_, within_s)

    async def start(self, request_id: str = "r1", **params: Any) -> str:
        """Start `embed` (or `experiment`) and return its run's id."""
        experiment = params.pop("experiment", "embed")
        await self.send(type="start", request_id=request_id, experiment=experiment, params=params)
        accepted = await self.frame("accepted")
        return str(accepted["run_id"])

    async def events(self, run_id: str, until: str) -> list[dict[str, Any]]:
        """Watch a run until a status; return all its events, each once and without a gap."""
        events = self.streams.setdefault(run_id, [])
        await self.send(type="watch", run_id=run_id, after=len(events))
        while not any(e["kind"] == "status" and e["data"]["status"] == until for e in events):
            frame = await self.until(lambda f: f.get("run_id") == run_id and "events" in f)
            events += [e for e in frame["events"] if e["seq"] > len(events)]
            assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
        return events


class Served:
    """A server in this process, on a port of its own."""

    def __init__(self, server: DemoServer, port: int) -> None:
        self.server, self.port = server, port
        self.url = f"http://127.0.0.1:{port}"

    @asynccontextmanager
    async def peer(self, token: str | None = TOKEN, **hello: Any) -> AsyncIterator[Peer]:
        """Connect, say hello and take the welcome."""
        url = f"ws://127.0.0.1:{self.port}/ws"
        async with websockets.connect(url, max_size=None) as connection:
            peer = Peer(connection)
            await peer.send(type="hello", token=token, **hello)
            await peer.frame("welcome")
            yield peer


Serve = Callable[..., Coroutine[Any, Any, Served]]


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
        book = StateFile(settings.cache / "server.json", "local-secret")
        composition = Composition(used, book, ray=ray or FakeRay(), command=command)
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
    cluster = RayCluster(free_port())
    cluster.more_env = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on 127.0.0.1 alone, as our own head is
        "PYTHONPATH": str(TRACING),
        "DEMO_TRACE_DIRECTORY": str(ran_lines),
        **outside.env,
    }
    # Ended from outside, the tests still end what they started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cluster.add(2, cluster.env())
    yield cluster
    cluster.stop()
