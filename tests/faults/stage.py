"""A supervised server in a checkout of its own, with experiments that go wrong on purpose."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from demo_server.processes import state_file
from demo_server.processes.calibration import KEY, Calibration
from demo_server.processes.ray_head import UserCluster
from demo_server.system import process
from demo_server.system.settings import Inputs, Settings
from tests.faults.client import Client, is_rows
from tests.support.ray_cluster import free_port

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = Path(__file__).parent / "experiments"
READY_S = 150.0
GONE_S = 5.0
WORKS_S = 0.5
NEXT_S = 90.0
SMALL: dict[str, Any] = {"rows": 512, "batch_size": 64, "blocks": 8}
MODEL = "import demo_server.embedding.model as m; print(m.resolve(None).path)"


def copy_checkout(directory: Path, experiments: Path = EXPERIMENTS) -> Path:
    """Copy what a server runs from, with the files of `experiments` next to its own."""
    checkout = directory / "checkout"
    shutil.copytree(
        ROOT / "demo_server",
        checkout / "demo_server",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for file in experiments.glob("*.py"):
        shutil.copy(file, checkout / "demo_server" / "experiments")
    shutil.copytree(ROOT / "scripts" / "setup", checkout / "scripts" / "setup")
    (checkout / "tests" / "faults").mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "supervised.mjs", checkout / "tests" / "faults")
    for name in (".venv", "data"):
        (checkout / name).symlink_to((ROOT / name).resolve())
    return checkout


def copy_model(directory: Path) -> Path:
    """Copy the default model, so that its files can be taken away."""
    command = [sys.executable, "-c", MODEL]
    asked = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    model = directory / "model"
    shutil.copytree(asked.stdout.strip().splitlines()[-1], model)
    return model


class Stage:
    """One server, from its start until nothing of it is left."""

    def __init__(self, *flags: str, env: dict[str, str] | None = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="faults-", dir="/tmp"))
        self.checkout = copy_checkout(self.directory)
        self.model = copy_model(self.directory)
        self.cache = self.directory / "cache"
        self.cache.mkdir()
        self.token, self.port = secrets.token_hex(16), free_port()
        self.outage_s = 0.0
        self._write_measurement()
        self._env = {
            **os.environ,
            **(env or {}),
            "DEMO_CACHE": str(self.cache),
            "DEMO_TOKEN": self.token,
            "PYTHONPATH": str(self.checkout),
        }
        command = ["node", str(self.checkout / "tests" / "faults" / "supervised.mjs")]
        self._output = (self.directory / "said").open("wb")
        self._node = subprocess.Popen(
            [*command, str(self.port), "--model", str(self.model), *flags],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=self.checkout,
            env=self._env,
        )

    def _write_measurement(self) -> None:
        """Have the server think that it knows this machine: measuring would share its cores."""

        async def nothing() -> None: ...

        settings = Settings(cache=self.cache, inputs=Inputs(model=str(self.model)))
        key = Calibration(settings, UserCluster(""), nothing).key()
        settings.machine_file.write_text(json.dumps({KEY: key}))

    # The server and what it started

    async def health(self) -> dict[str, Any] | None:
        """Return what the server says of itself, None while it does not answer."""
        url = f"http://127.0.0.1:{self.port}/api/health"

        def ask() -> dict[str, Any] | None:
            try:
                with urllib.request.urlopen(url, timeout=1) as answer:
                    said: dict[str, Any] = json.load(answer)
                    return said
            except OSError:
                return None

        return await asyncio.to_thread(ask)

    async def ready(self) -> None:
        """Wait until a run would begin at once.

        Raises:
            TimeoutError: with the last words of the server's log, as a note.
        """
        try:
            async with asyncio.timeout(READY_S):
                while True:
                    health = await self.health()
                    if health and health["status"] == "ready" and await self._has_standby():
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            error.add_note(f"it says {await self.health()}; {self._last_words()}")
            raise

    async def _has_standby(self) -> bool:
        """Return whether the newest driver has done its imports and waits."""
        for driver in self.drivers()[:1]:
            before = driver.cpu_times().user
            await asyncio.sleep(1.0)
            return before > 1.0 and driver.cpu_times().user - before < 0.1
        return False

    def _last_words(self) -> str:
        return (self.cache / "server.log").read_text()[-2000:]

    async def back(self, dead: int) -> None:
        """Wait until another server answers than that of pid `dead`."""
        health = None
        while health is None or health["pid"] == dead:
            health = await self.health()
            await asyncio.sleep(0.01)

    async def watch_health(self) -> None:
        """Note the longest time in which the server did not answer, until cancelled."""
        last = time.monotonic()
        while True:
            if await self.health():
                last = time.monotonic()
            self.outage_s = max(self.outage_s, time.monotonic() - last)
            await asyncio.sleep(0.05)

    async def client(self) -> Client:
        return await Client.connect(self.port, self.token)

    @property
    def server(self) -> psutil.Process:
        entry = state_file.read(self.cache / state_file.SERVER)
        assert entry is not None
        return psutil.Process(entry.pid)

    def drivers(self) -> list[psutil.Process]:
        """Return the driver processes, the newest first."""
        found = [p for p in self.server.children() if "demo_server.driver " in _command(p)]
        return sorted(found, key=lambda p: p.create_time(), reverse=True)

    def working_driver(self) -> psutil.Process:
        """Return the driver of the run: the others stand by, or hold a result, and rest."""
        drivers = self.drivers()
        before = [_cpu_s(driver) for driver in drivers]
        time.sleep(WORKS_S)
        worked = [_cpu_s(driver) - was for driver, was in zip(drivers, before, strict=True)]
        return drivers[worked.index(max(worked))]

    def ray(self) -> list[psutil.Process]:
        """Return the processes of the local head."""
        entry = state_file.read(self.cache / state_file.SERVER)
        sessions = entry.sessions if entry else []
        return [p for s in sessions for p in process.session_members(s.pid, s.started_at)]

    def ray_access(self) -> state_file.RayConnection:
        """Return how another job joins the local head."""
        entry = state_file.read(self.cache / state_file.SERVER)
        assert entry is not None
        assert entry.ray is not None
        return entry.ray

    def ray_process(self, name: str) -> psutil.Process:
        return next(p for p in self.ray() if p.name() == name)

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """Return the events of a run's log."""
        lines = (self.cache / "runs" / run_id / "log.jsonl").read_text().splitlines()[1:]
        return [json.loads(line) for line in lines]

    def actors(self) -> list[psutil.Process]:
        """Return the processes in which map_batches' actors live."""
        return [p for p in self.ours() if is_actor(p)]

    def ours(self) -> list[psutil.Process]:
        """Return all processes that come from this server, whoever their parents are by now."""
        found = []
        for one in psutil.process_iter():
            try:
                environ, status = one.environ(), one.status()
            except psutil.Error:
                continue
            if environ.get("DEMO_CACHE") == str(self.cache) and status != psutil.STATUS_ZOMBIE:
                found.append(one)
        return found

    async def orphans(self) -> list[str]:
        """Return what nobody looks after, a while after a fault."""
        left: list[psutil.Process] = []
        for _ in range(int(GONE_S / 0.25)):
            node = psutil.Process(self._node.pid)
            family = {node.pid, *(p.pid for p in node.children(recursive=True))}
            family |= {p.pid for p in self.ray()}
            left = [p for p in self.ours() if p.pid not in family]
            if not left:
                break
            await asyncio.sleep(0.25)
        return [f"{p.pid} {_command(p)[:60]}" for p in left if p.is_running()]

    async def next_row_s(self) -> float:
        """Press Run now; return the seconds until its first rows, and leave it cancelled."""
        client = await self.client()
        began = time.monotonic()
        run_id = await client.start("embed", **SMALL)
        at, _ = await client.seen(run_id, is_rows, NEXT_S)
        await client.cancel(run_id)
        await client.close()
        return at - began

    async def end(self) -> list[str]:
        """End the server as a closed terminal does; return what is left of it."""
        assert self._node.stdin
        self._node.stdin.close()
        with suppress(subprocess.TimeoutExpired):  # then it is among what is left
            await asyncio.to_thread(self._node.wait, 20)
        self._output.close()
        left = self.ours()
        for _ in range(int(GONE_S / 0.1)):
            if not left:
                break
            await asyncio.sleep(0.1)
            left = self.ours()
        names = [f"{p.pid} {_command(p)[:60]}" for p in left]
        process.kill(left)
        self._node.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
        return names


def _cpu_s(one: psutil.Process) -> float:
    times = one.cpu_times()
    return float(times.user + times.system)


def is_actor(one: psutil.Process) -> bool:
    """Return one in which an actor of map_batches lives."""
    command = _command(one)
    return command.startswith("ray::") and ("MapWorker" in command or "Embedder" in command)


def _command(one: psutil.Process) -> str:
    try:
        return " ".join(one.cmdline())
    except psutil.Error:
        return ""
