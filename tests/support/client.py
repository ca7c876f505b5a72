"""A client of the websocket, and a server in this process for it to talk to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import websockets

from demo_server.server import DemoServer
from tests.support.bounds import HANG_S

TOKEN = "presenter-token"


class Peer:
    """A client of the websocket that remembers what it was told."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []
        self.streams: dict[str, list[dict[str, Any]]] = {}

    async def send(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def until(
        self, wanted: Callable[[dict[str, Any]], Any], within_s: float = HANG_S
    ) -> dict[str, Any]:
        """Return the first frame from now on of which `wanted` is true."""
        async with asyncio.timeout(within_s):
            while True:
                frame: dict[str, Any] = json.loads(await self.socket.recv())
                self.seen.append(frame)
                if wanted(frame):
                    return frame

    async def frame(self, type_: str, within_s: float = HANG_S) -> dict[str, Any]:
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
