"""The storm: many clients that come, go and misbehave while runs stream and servers die."""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.load.client import Client
from tests.load.record import Record
from tests.load.server_process import ServerProcess

TICK_S = 0.1
SETTLE_S = 30.0
# A share of a storm's time with restarts; the rest is one life, whose memory must stay flat.
RESTARTS_UNTIL = 0.5
MOST_GROWTH_MB = 8.0
DOES = "plan stream:6 progress:1500 stream:4 progress:400 stream:7 end"


@dataclass(frozen=True)
class Weather:
    """How hard it blows."""

    clients: int
    seconds: float
    reconnects_a_minute: int
    storms: int
    restarts: int


@dataclass
class Storm:
    """Plays one storm; afterwards `record.breaches` says how the rule was broken."""

    server: ServerProcess
    seed: str
    weather: Weather
    record: Record = field(default_factory=Record)
    clients: list[Client] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    starts_s: list[float] = field(default_factory=list)
    run_ids: list[str] = field(default_factory=list)
    open_files: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    stall_s: float = 0.0

    async def play(self) -> dict[str, Any]:
        """Play it to the end and return the figures.

        Raises:
            StressError: the server did not start, or did not end.
        """
        self._random = Random(f"{self.seed} storm")
        mean_s = self.weather.clients * 60 / self.weather.reconnects_a_minute
        self.clients = [
            Client(f"client {number}", self.seed, self.server, self.record, mean_s)
            for number in range(self.weather.clients)
        ]
        async with self.server:
            await self._play()
        return self.figures

    async def _play(self) -> None:
        starter = Client("starter", self.seed, self.server, self.record, math.inf, presents=True)
        starter.calm_down()
        everybody = [*self.clients, starter]
        began, files = time.monotonic(), self.server.open_files()
        lives = [asyncio.create_task(client.live()) for client in everybody]
        ticks = asyncio.create_task(self._tick(everybody, began))
        try:
            await self._blow(starter, began)
            for client in self.clients:
                client.calm_down()
            await self._settle(starter, everybody)
            self.seconds = time.monotonic() - began
        finally:
            ticks.cancel()
            for client in everybody:
                client.leave()
            await asyncio.gather(*lives)
        await until(lambda: self.server.open_files() <= files, SETTLE_S)
        self._compare(everybody)
        self.open_files = files, self.server.open_files()

    async def _blow(self, starter: Client, began: float) -> None:
        """Runs, storms and restarts, side by side."""
        runs = asyncio.create_task(self._run_on(starter))
        left = self.weather.seconds - (time.monotonic() - began)
        # A slow machine takes longer for its restarts than the storm was meant to last.
        rest = asyncio.gather(self._storms(), self._restarts(), asyncio.sleep(left))
        try:
            await asyncio.wait([runs, rest], return_when=asyncio.FIRST_COMPLETED)
        finally:
            runs.cancel()
            rest.cancel()
        for ended in await asyncio.gather(runs, rest, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def _run_on(self, starter: Client) -> None:
        """Start run after run; each start is sent until it is accepted, and once more."""
        number = 0
        while True:
            number += 1
            request_id = f"{self.seed}-{number}"[-64:]
            start = {"type": "start", "request_id": request_id, "experiment": "embed"}
            while request_id not in starter.follower.accepted:
                starter.send(**start, params={"does": DOES})
                await asyncio.sleep(0.3)
            starter.send(**start, params={"does": DOES})
            run_id = starter.follower.accepted[request_id]
            self.run_ids.append(run_id)
            await until(lambda run_id=run_id: _has_ended(starter, run_id))

    async def _storms(self) -> None:
        """Now and then a part of all, or all, lose their connections at one moment."""
        for _ in range(self.weather.storms):
            await asyncio.sleep(self.weather.seconds / (self.weather.storms + 1))
            share = self._random.choice([0.3, 0.6, 1.0])
            for client in self.clients:
                if self._random.random() < share:
                    client.drop()

    async def _restarts(self) -> None:
        time_s = self.weather.seconds * RESTARTS_UNTIL
        for _ in range(self.weather.restarts):
            await asyncio.sleep(time_s / self.weather.restarts * self._random.uniform(0.6, 0.95))
            self.server.kill()
            self.starts_s.append(await self.server.start())

    async def _settle(self, starter: Client, everybody: list[Client]) -> None:
        """End what runs, and wait until everybody has everything."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            runs = await self.server.get("/api/runs") or []
            for run in runs:
                if run["status"] in ("queued", "starting", "running"):
                    starter.send(type="cancel", run_id=run["run_id"])
            ends = {run["run_id"]: run["seq"] for run in runs}
            behind = [client for client in everybody if not _is_complete(client, ends)]
            if runs and not behind:
                return
            await asyncio.sleep(0.3)
        for client in behind:
            places = {run_id: state.seq for run_id, state in client.follower.states.items()}
            self.record.breach(f"{client.follower.name} never got it all: {places} of {ends}")

    def _compare(self, everybody: list[Client]) -> None:
        """Compare what was sent with the logs, and what was folded with their fold."""
        for run_id in dict.fromkeys(self.run_ids):
            log = self.server.cache / "runs" / run_id / "log.jsonl"
            expected = self.record.compare_with_log(run_id, log)
            for client in everybody:
                state = client.follower.states.get(run_id)
                if state is not None and state != expected:
                    name = client.follower.name
                    self.record.breach(f"{name}: its fold of {run_id} is not the log's")

    async def _tick(self, everybody: list[Client], began: float) -> None:
        looked = ticked = 0.0
        while True:
            await asyncio.sleep(TICK_S)
            for client in everybody:
                client.tick()
            now = time.monotonic() - began
            self.stall_s, ticked = max(self.stall_s, now - ticked - TICK_S), now
            if self.server.up and now - looked > 1:
                looked = now
                self.memory.append((now, self.server.memory_mb()))

    @property
    def growth_mb(self) -> float:
        """How much more memory the last life's last third has than its middle third, medians."""
        since = self.weather.seconds * (RESTARTS_UNTIL if self.weather.restarts else 0)
        samples = [mb for at, mb in self.memory if since < at < self.weather.seconds]
        third = len(samples) // 3
        if third == 0:
            return 0.0
        return statistics.median(samples[-third:]) - statistics.median(samples[third : 2 * third])

    @property
    def figures(self) -> dict[str, Any]:
        closes: Counter[int] = sum((client.closes for client in self.clients), Counter())
        connections = sum(client.connections for client in self.clients)
        reconnects = connections - len(self.clients)
        return {
            "clients": len(self.clients),
            "seconds": round(self.seconds),
            "reconnects": reconnects,
            "reconnects a minute": round(reconnects / self.seconds * 60),
            "closed by code": {str(code or "no server"): n for code, n in sorted(closes.items())},
            "server restarts": len(self.starts_s),
            "slowest restart, s": round(max(self.starts_s, default=0.0), 2),
            "runs": len(self.run_ids),
            "events, each once": self.record.events,
            "events delivered": sum(client.follower.events for client in self.clients),
            "snapshots delivered": sum(client.follower.snapshots for client in self.clients),
            "breaches of the rule": len(self.record.breaches),
            "server memory, highest, MB": round(max(mb for _, mb in self.memory), 1),
            "server memory, growth, MB": round(self.growth_mb, 1),
            "longest stall of the clients themselves, s": round(self.stall_s, 2),
            "open files before": self.open_files[0],
            "open files after": self.open_files[1],
            "tracebacks in the server's log": self.server.tracebacks(),
        }

    @property
    def faults(self) -> list[str]:
        """What must not be, in sentences; none is well."""
        found = list(self.record.breaches)
        if self.server.tracebacks():
            found.append(f"the server's log has {self.server.tracebacks()} tracebacks")
        if self.open_files[1] > self.open_files[0] + 3:
            found.append(f"open files: {self.open_files[0]} before, {self.open_files[1]} after")
        if self.growth_mb > MOST_GROWTH_MB:
            found.append(f"the server's memory grew by {self.growth_mb:.1f} MB")
        if not self.run_ids:
            found.append("no run was started")
        return found


async def until(true: Callable[[], bool], within_s: float = math.inf) -> bool:
    """Wait until something is true; False when that takes too long."""
    deadline = time.monotonic() + within_s
    while True:
        if true():
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.1)


def _has_ended(client: Client, run_id: str) -> bool:
    state = client.follower.states.get(run_id)
    return bool(state and state.status and state.status.status.ended)


def _is_complete(client: Client, ends: dict[str, int]) -> bool:
    """Return whether a client has all of what it watches, and what it watches has ended."""
    follower = client.follower
    return bool(follower.watched) and all(
        _has_ended(client, run_id) and follower.states[run_id].seq == ends.get(run_id)
        for run_id in follower.watched
    )
