"""The server as a process of its own, with its own Ray and the real driver."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import websockets

from demo_server.processes.priority import NICE
from demo_server.processes.state_file import ServerState, read
from demo_server.system import process
from tests.support.bounds import HANG_S, SOON_S
from tests.support.client import TOKEN, Peer
from tests.support.prepared_cache import prepare

PRESENTER = {"Authorization": f"Bearer {TOKEN}"}
SMALL = {"rows": 96, "batch_size": 32, "blocks": 4}


class ServerProcess:
    """`demo-server serve` with a cache of its own."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {**os.environ, "DEMO_CACHE": str(cache), "DEMO_TOKEN": TOKEN}
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "demo_server", "serve", "--port", str(self.port)]
        with (self.cache.parent / "server.out").open("ab") as output:
            self.child = subprocess.Popen(
                [*command, "--stop-on-stdin-close"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=self.env,
            )

    def entry(self) -> ServerState:
        entry = read(self.cache / "server.json")
        assert entry is not None
        return entry

    def family(self) -> list[psutil.Process]:
        """All processes of this server, also those of its head, whose parents may have gone."""
        members = process.family(self.child.pid)
        for session in self.entry().sessions:
            members += process.session_members(session.pid, session.started_at)
        return members

    def lost(self) -> None:
        """Take note that the process has ended."""
        self.child.wait()
        assert self.child.stdin
        self.child.stdin.close()

    async def begun(self) -> None:
        """Wait until a head is being started."""
        async with asyncio.timeout(HANG_S):
            while True:
                entry = read(self.cache / "server.json")
                if entry and entry.sessions:
                    return
                await asyncio.sleep(0.05)

    async def ready(self) -> None:
        async with asyncio.timeout(HANG_S), httpx.AsyncClient(base_url=self.url) as client:
            while True:
                try:
                    if (await client.get("/api/health")).json()["status"] == "ready":
                        return
                except httpx.TransportError:
                    assert self.child.poll() is None, "the server has ended"
                await asyncio.sleep(0.1)

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Peer]:
        url = f"ws://127.0.0.1:{self.port}/ws"
        async with websockets.connect(url, max_size=None) as connection:
            peer = Peer(connection)
            await peer.send(type="hello", token=TOKEN)
            await peer.frame("welcome")
            yield peer

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url) as client:
            return await client.get(path, headers=PRESENTER)

    def end(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.lost()
        entry = read(self.cache / "server.json")
        for session in entry.sessions if entry else []:
            process.end_session(session.pid, session.started_at)
            process.remove_tree(Path(session.directory or "/nowhere"))


def gone(members: list[psutil.Process], within_s: float = SOON_S) -> list[psutil.Process]:
    """Wait for `members` to end and return those that have not."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        left = [p for p in members if process.is_alive(p.pid, p.create_time())]
        if not left:
            return []
        time.sleep(0.05)
    return left


def files_left(ray_directory: Path, cache: Path) -> list[Path]:
    """Return what should have gone with the server."""
    return [path for path in (ray_directory, cache / "server.json") if path.exists()]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    cache = tmp_path_factory.mktemp("real") / "cache"
    prepare(cache)
    server = ServerProcess(cache)
    yield server
    server.end()


async def finish(peer: Peer, run_id: str, until: str, within_s: float = HANG_S) -> list[Any]:
    """Return all events of a run that ends with `until`."""
    async with asyncio.timeout(within_s):
        events = peer.streams.setdefault(run_id, [])
        await peer.send(type="watch", run_id=run_id, after=0)
        while not any(e["data"].get("status") == until for e in events if e["kind"] == "status"):
            frame = await peer.until(
                lambda f: f.get("run_id") == run_id and "events" in f, within_s
            )
            events += [e for e in frame["events"] if e["seq"] > len(events)]
        return events


async def works_again(peer: Peer, request_id: str) -> None:
    """Start a run and wait only until its driver works; then it is in the way."""
    run_id = await peer.start(request_id, **SMALL)
    await finish(peer, run_id, "running", HANG_S)
    await peer.send(type="cancel", run_id=run_id)


async def test_a_run_embeds_every_row_and_show_reads_its_result(real: ServerProcess) -> None:
    await real.ready()
    async with real.peer() as peer:
        run_id = await peer.start("first", **SMALL)
        events = await finish(peer, run_id, "succeeded")
        shown = await finish(peer, await peer.start("show", experiment="show"), "succeeded")
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    progress = [e["data"]["rows"] for e in events if e["kind"] == "progress"]
    assert progress == sorted(progress)
    assert progress[-1] == SMALL["rows"]
    result = next(e["data"] for e in events if e["kind"] == "result")
    assert result["rows"] == SMALL["rows"]
    parquet = await real.get(f"/api/runs/{run_id}/result.parquet")
    assert parquet.content[:4] == b"PAR1"
    asked = next(e["data"] for e in shown if e["kind"] == "result")
    assert [row["dim"] for row in asked["first_rows"]] == [384] * 3


def connections_of(member: psutil.Process) -> list[Any]:
    try:
        return list(member.net_connections(kind="tcp"))
    except psutil.Error:  # it is just ending
        return []


async def test_neither_the_server_nor_its_ray_listens_beyond_this_machine(
    real: ServerProcess,
) -> None:
    await real.ready()
    listening = {
        connection.laddr.ip
        for member in real.family()
        for connection in connections_of(member)
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


async def test_ray_starts_neither_its_client_server_nor_its_dashboard(real: ServerProcess) -> None:
    await real.ready()
    running = [command_line(member) for member in real.family()]
    assert any("gcs_server" in words for words in running)
    assert not [words for words in running if "client.server" in words or "dashboard.py" in words]


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="no groups by session here")
async def test_ray_and_drivers_have_a_lower_priority_than_the_browser_during_a_run(
    real: ServerProcess,
) -> None:
    await real.ready()
    async with real.peer() as peer:
        run_id = await peer.start("ranks", **{**SMALL, "rows": 4000})
        await finish(peer, run_id, "running", HANG_S)
        await ranked(real, NICE)
        assert nice_of_session(real.child.pid) == 0
        await peer.send(type="cancel", run_id=run_id)
        await ranked(real, 0)


async def ranked(real: ServerProcess, nice: int) -> None:
    """Wait until Ray and each driver have this nice value."""
    async with asyncio.timeout(HANG_S):
        while True:
            if nices(real, is_raylet) == nices(real, is_driver) == {nice}:
                return
            await asyncio.sleep(0.1)


def nices(real: ServerProcess, kind: Callable[[psutil.Process], bool]) -> set[int]:
    return {nice_of_session(one.pid) for one in real.family() if kind(one)}


def nice_of_session(pid: int) -> int:
    return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])


def is_driver(one: psutil.Process) -> bool:
    return "-m demo_server.driver {" in command_line(one)


def is_raylet(one: psutil.Process) -> bool:
    return command_line(one).split(" ")[0].endswith("/raylet")


def command_line(of: psutil.Process) -> str:
    try:
        return " ".join(of.cmdline())
    except psutil.Error:  # it is just ending
        return ""


async def test_a_cancelled_run_frees_its_workers(real: ServerProcess) -> None:
    await real.ready()
    async with real.peer() as peer:
        run_id = await peer.start("to-cancel", rows=20000)
        await peer.events(run_id, until="running")
        await asyncio.sleep(2)
        await peer.send(type="cancel", run_id=run_id)
        await peer.until(lambda f: '"cancelled"' in json.dumps(f))
    workers = [p for p in real.family() if "MapWorker" in command_line(p)]
    assert gone(workers) == []


async def test_a_run_in_a_terminal_uses_the_servers_ray(real: ServerProcess) -> None:
    await real.ready()
    heads = len(real.entry().sessions)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "demo_server", "run", "embed", *flags, "--json"],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=real.env,
    )
    out, err = await asyncio.wait_for(child.communicate(), HANG_S)
    assert child.returncode == 0, (out + err).decode()[-3000:]
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["data"]["status"] == "succeeded"
    assert len(real.entry().sessions) == heads
    assert list(real.cache.glob("terminal-*.json")) == []


async def test_runs_are_recorded_one_after_the_other_in_one_session(
    real: ServerProcess, tmp_path: Path
) -> None:
    await real.ready()
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "demo_server", "record", "embed", "show"],
        *["--rows", "200", "--out", str(tmp_path)],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=real.env,
    )
    _, err = await asyncio.wait_for(child.communicate(), HANG_S)
    assert child.returncode == 0, err.decode()
    assert json.loads((tmp_path / "index.json").read_text()) == ["embed", "show"]
    for name in ("embed", "show"):
        header, *events = (tmp_path / f"{name}.jsonl").read_text().splitlines()
        assert json.loads(header)["experiment"]["name"] == name
        assert [json.loads(line)["seq"] for line in events] == list(range(1, len(events) + 1))
        assert json.loads(events[-1])["data"]["status"] == "succeeded"


async def test_a_killed_raylet_fails_the_run_and_ray_restarts(real: ServerProcess) -> None:
    await real.ready()
    async with real.peer() as peer:
        run_id = await peer.start("to-fail", rows=20000)
        await peer.events(run_id, until="running")
        raylet = next(p for p in real.family() if is_raylet(p))
        raylet.kill()
        events = await finish(peer, run_id, "failed")
        assert "raylet" in events[-1]["data"]["reason"]
        await works_again(peer, "after")


async def test_shutdown_ends_ray_and_the_next_run_starts_it(real: ServerProcess) -> None:
    await real.ready()
    async with real.peer() as peer:
        await finish(peer, await peer.start("to-end", **SMALL), "succeeded")
        (head,) = real.entry().sessions
        members = process.session_members(head.pid, head.started_at)
        events = await finish(peer, await peer.start("end", experiment="shutdown"), "succeeded")
        assert gone(members) == []
        results = [e["data"] for e in events if e["kind"] == "result"]
        figures = {figure["name"]: figure["value"] for figure in results[-1]["figures"]}
        assert figures["ended_processes"] >= 5
        assert figures["freed_bytes"] > 100e6
        assert figures["freed_object_store_bytes"] > 0
        await works_again(peer, "again")


async def test_the_next_server_cleans_up_after_a_killed_one_and_closes_its_run(
    real: ServerProcess,
) -> None:
    await real.ready()
    async with real.peer() as peer:
        run_id = await peer.start("orphaned", rows=20000)
        await peer.events(run_id, until="running")
        members = real.family()
        real.child.kill()
    real.lost()
    real.start()
    await real.ready()
    assert gone(members) == []
    runs = {run["run_id"]: run for run in (await real.get("/api/runs")).json()}
    assert runs[run_id]["status"] == "failed"
    async with real.peer() as peer:
        assert await peer.start("orphaned", rows=20000) == run_id


ENDS = [
    (signal.SIGTERM, True),
    (None, True),
    (signal.SIGINT, False),
    (signal.SIGTERM, False),
    (signal.SIGHUP, False),
]


@pytest.mark.parametrize(("how", "ready"), ENDS)
async def test_no_process_is_left_however_the_server_ends(
    real: ServerProcess, how: signal.Signals | None, ready: bool
) -> None:
    if real.child.poll() is not None:
        real.start()
    await (real.ready() if ready else real.begun())
    members = real.family()
    assert real.child.stdin
    directory = real.entry().sessions[0].directory
    assert directory
    if how is None:
        real.child.stdin.close()
    else:
        real.child.send_signal(how)
    assert real.child.wait(HANG_S) == 0
    real.lost()
    assert gone(members) == []
    assert files_left(Path(directory), real.cache) == []
