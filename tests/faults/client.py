"""A presenter's socket that notes when each event of a run came."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import websockets

Event = dict[str, Any]
Wanted = Callable[[Event], bool]


class Client:
    """One connection; `events` are those of each run that was watched, with their arrival."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.events: dict[str, list[tuple[float, Event]]] = {}
        self.runs: dict[str, str] = {}  # the status of each that the welcome lists
        self._accepted: dict[str, str] = {}
        self._errors: list[Event] = []
        self._welcomed = self._over = False
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, port: int, token: str) -> Client:
        socket = await websockets.connect(f"ws://127.0.0.1:{port}/ws", max_size=None)
        client = cls(socket)
        await client._send(type="hello", token=token)
        await client._until(lambda: client._welcomed, 10)
        return client

    async def close(self) -> None:
        await self.socket.close()
        await asyncio.wait({self._reading})

    async def vanish(self) -> None:
        """Be gone without a word, as a closed laptop is."""
        self.socket.transport.abort()
        await asyncio.wait({self._reading})

    async def start(self, experiment: str, **params: Any) -> str:
        """Start a run, watch it, and return its id.

        Raises:
            RuntimeError: it was refused.
        """
        request_id = secrets.token_hex(4)
        await self._send(type="start", request_id=request_id, experiment=experiment, params=params)
        await self._until(lambda: request_id in self._accepted or bool(self._errors), 10)
        if request_id not in self._accepted:
            raise RuntimeError(f"{experiment} was refused: {self._errors}")
        run_id = self._accepted[request_id]
        await self.watch(run_id)
        return run_id

    async def watch(self, run_id: str) -> None:
        self.events.setdefault(run_id, [])
        await self._send(type="watch", run_id=run_id, after=0)

    async def cancel(self, run_id: str) -> None:
        await self._send(type="cancel", run_id=run_id)
        await self.seen(run_id, has_ended, 10)

    async def seen(self, run_id: str, wanted: Wanted, within_s: float) -> tuple[float, Event]:
        """Wait for an event; return when it came (monotonic, in seconds) and the event.

        Raises:
            TimeoutError: it did not come.
        """

        def found() -> tuple[float, Event] | None:
            return next((both for both in self.events[run_id] if wanted(both[1])), None)

        await self._until(lambda: found() is not None, within_s)
        both = found()
        assert both is not None
        return both

    def of_kind(self, run_id: str, kind: str) -> list[Event]:
        """Return what the events of one kind carry."""
        return [event["data"] for _, event in self.events[run_id] if event["kind"] == kind]

    async def _until(self, holds: Callable[[], bool], within_s: float) -> None:
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(lambda: holds() or self._over)
        if not holds():
            await self._reading  # raises what was wrong with a frame
            raise ConnectionError("the server has closed the socket")

    async def _send(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                self._take(json.loads(text), time.monotonic())
                await self._notify()
        except websockets.ConnectionClosed:
            return
        finally:
            self._over = True
            await self._notify()

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _take(self, frame: dict[str, Any], now: float) -> None:
        match frame["type"]:
            case "welcome":
                self.runs = {run["run_id"]: run["status"] for run in frame["runs"]}
                self._welcomed = True
            case "accepted":
                self._accepted[frame["request_id"]] = frame["run_id"]
            case "error":
                self._errors.append(frame)
            case "snapshot":
                raise AssertionError("a snapshot came, so events were lost on the way here")
            case "events":
                known = self.events[frame["run_id"]]
                for event in frame["events"]:
                    if event["seq"] != len(known) + 1:
                        raise AssertionError(f"event {event['seq']} follows {len(known)}")
                    known.append((now, event))


def has_ended(event: Event) -> bool:
    return status_of(event) in ("succeeded", "failed", "cancelled")


def status_of(event: Event) -> str | None:
    return event["data"]["status"] if event["kind"] == "status" else None


def is_rows(event: Event) -> bool:
    return bool(event["kind"] == "rows")
