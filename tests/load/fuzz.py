"""Frames and requests that nobody should send, over real sockets: each is answered or closed."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from demo_server.protocol.frames import CloseCode
from tests.load.frames import FrameGenerator, Shot, http_requests
from tests.load.server_process import ServerProcess
from tests.load.wire import LOST, Wire, connect

LANES = 12
ANSWER_S = 10.0
# Noise may be the beginning of a frame: then nothing is owed.
PATIENCE_S = 0.1
VISIT_SHOTS = 60
REQUESTS_SHARE = 0.1
KEPT_RUNS = 50
# 1002 and 1007 are the websocket's own: not a websocket frame, not UTF-8.
CODES = {code.value for code in CloseCode} | {1000, 1002, 1007}


@dataclass
class Fuzz:
    """Plays `frames` shots, and a tenth as many HTTP requests; `faults` says what was wrong."""

    server: ServerProcess
    seed: str
    frames: int
    faults: list[str] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    closes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    run_ids: list[str] = field(default_factory=list)

    async def play(self) -> dict[str, Any]:
        """Play it to the end and return the figures.

        Raises:
            StressError: the server did not start, or did not end.
        """
        async with self.server:
            pid = self.server.process.pid
            lanes = [self._lane(Random(f"{self.seed} fuzz {lane}")) for lane in range(LANES)]
            requests = self._requests(Random(f"{self.seed} http"))
            await asyncio.gather(*lanes, requests)
            await self._still_works(pid)
        tracebacks = self.server.tracebacks()
        if tracebacks:
            self.faults.append(f"the server's log has {tracebacks} tracebacks")
        return {
            "frames": sum(self.sent.values()),
            "frames by kind": dict(self.sent),
            "frames answered": dict(self.answers),
            "connections closed": dict(self.closes),
            "HTTP requests": sum(self.statuses.values()),
            "HTTP answers": dict(self.statuses),
            "tracebacks in the server's log": tracebacks,
            "crashes": self.server.lives - 1,
        }

    async def _lane(self, random: Random) -> None:
        while sum(self.sent.values()) < self.frames and self.server.alive:
            await ConnectionSlot(self, random).play()
        if not self.server.alive:
            self.faults.append("the server has ended")

    async def _requests(self, random: Random) -> None:
        made = http_requests(random, self.run_ids, self.server.port, self.server.token)
        for _ in range(int(self.frames * REQUESTS_SHARE)):
            await self._request(next(made))

    async def _request(self, request: bytes) -> None:
        whole = b"HTTP/1.1\r\n" in request
        try:
            async with asyncio.timeout(ANSWER_S if whole else PATIENCE_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
                try:
                    writer.write(request)
                    head = await reader.read(64 * 1024)
                finally:
                    writer.close()
        except TimeoutError:
            # Half a request is waited for: closing it is ours.
            status = "none" if whole else "waits for more"
        except OSError:
            status = "reset"
        else:
            status = head[9:12].decode("latin-1") if head.startswith(b"HTTP/1.1 ") else "none"
        self.statuses[status] += 1
        if status in ("none", "500", "502"):
            self.faults.append(f"{status} is the answer to {request[:200]!r}")

    async def _still_works(self, pid: int) -> None:
        """Start a run like any other presenter, after all that."""
        if self.server.process.pid != pid or not await self.server.get("/api/health"):
            self.faults.append("the server is gone or another")
            return
        visit = ConnectionSlot(self, Random(self.seed))
        if not await visit.runs():
            self.faults.append("no run succeeds any more")

    def learn(self, run_id: str) -> None:
        """Remember a run that exists, for frames that ask about one."""
        self.run_ids.append(run_id)
        del self.run_ids[:-KEPT_RUNS]


class ConnectionSlot:
    """One connection of the fuzz, from its hello until it is closed or has had enough."""

    def __init__(self, fuzz: Fuzz, random: Random) -> None:
        self._fuzz, self._random = fuzz, random
        self._shots = FrameGenerator(random, fuzz.run_ids)
        self._inbox: asyncio.Queue[dict[str, Any] | int] = asyncio.Queue()
        self._asked = 0

    async def play(self) -> None:
        """Shoot until it is closed."""
        wire = await self._connect()
        try:
            if self._random.random() < 0.1:
                await self._shoot_first(wire)
            elif await self._greet(wire, presenter=self._random.random() < 0.3):
                for _ in range(self._random.randrange(1, VISIT_SHOTS)):
                    if not await self._shoot(wire, self._shots.shot()):
                        break
        finally:
            wire.cut()

    async def runs(self) -> bool:
        """Return whether a run that is started now succeeds."""
        wire = await self._connect()
        await self._greet(wire, presenter=True)
        wire.send(json.dumps({"type": "start", "request_id": f"last {self._fuzz.seed}"} | START))
        try:
            async with asyncio.timeout(ANSWER_S):
                accepted = await self._until("accepted")
                wire.send(json.dumps({"type": "watch", "run_id": accepted["run_id"], "after": 0}))
                while True:
                    frame = await self._until("events")
                    if "succeeded" in json.dumps(frame):
                        return True
        except TimeoutError:
            return False
        finally:
            wire.cut()

    async def _connect(self) -> Wire:
        return await connect(self._fuzz.server.port, self._take, self._inbox.put_nowait)

    def _take(self, text: str) -> None:
        frame: dict[str, Any] = json.loads(text)
        if frame["type"] in ("run", "accepted"):
            self._fuzz.learn(frame.get("run_id") or frame["run"]["run_id"])
        self._inbox.put_nowait(frame)

    async def _until(self, type_: str) -> dict[str, Any]:
        while True:
            frame = await self._inbox.get()
            if isinstance(frame, int):
                raise TimeoutError(f"closed with {frame}")
            if frame["type"] == type_:
                return frame

    async def _greet(self, wire: Wire, presenter: bool) -> bool:
        token = self._fuzz.server.token if presenter else None
        wire.send(json.dumps({"type": "hello", "token": token}))
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._until("welcome")
        except TimeoutError as error:
            self._fuzz.faults.append(f"a hello was not welcomed: {error}")
            return False
        return True

    async def _shoot_first(self, wire: Wire) -> None:
        """Send something other than a hello first: a welcome all the same, or a close."""
        shot = self._shots.shot()
        self._fuzz.sent[shot.what] += 1
        wire.write(shot.data)
        within_s = PATIENCE_S if shot.fatal or shot.what == "ping or pong" else ANSWER_S
        try:
            async with asyncio.timeout(within_s):
                frame = await self._inbox.get()
                while not isinstance(frame, int) and frame["type"] == "error":
                    frame = await self._inbox.get()
        except TimeoutError:
            if within_s == ANSWER_S:
                self._fuzz.faults.append(f"no answer to the first frame {shot.data[:300]!r}")
            return
        if isinstance(frame, int):
            self._closed(frame, shot)

    async def _shoot(self, wire: Wire, shot: Shot) -> bool:
        """Send one, and then a question of our own; False when there is nothing more to send to."""
        self._fuzz.sent[shot.what] += 1
        wire.write(shot.data)
        if shot.fatal:
            await self._closes(shot)
            return False
        self._asked += 1
        question = f"question {self._asked}"
        wire.send(json.dumps({"type": "watch", "run_id": question, "after": 0}))
        errors = 0
        try:
            async with asyncio.timeout(ANSWER_S):
                while True:
                    frame = await self._inbox.get()
                    if isinstance(frame, int):
                        self._closed(frame, shot)
                        return False
                    if frame["type"] != "error":
                        continue
                    if question in frame["message"]:
                        break
                    errors += 1
                    self._fuzz.answers[frame["code"]] += 1
        except TimeoutError:
            self._fuzz.faults.append(f"no answer after {shot.what}: {shot.data[:300]!r}")
            return False
        if shot.refused and not errors:
            self._fuzz.faults.append(f"no error for {shot.what}: {shot.data[:300]!r}")
        if not errors:
            self._fuzz.answers["done"] += 1
        return True

    async def _closes(self, shot: Shot) -> None:
        """Wait for the close that a broken websocket frame must bring."""
        within_s = ANSWER_S if shot.refused else PATIENCE_S
        try:
            async with asyncio.timeout(within_s):
                while True:
                    frame = await self._inbox.get()
                    if isinstance(frame, int):
                        self._closed(frame, shot)
                        return
        except TimeoutError:
            if shot.refused:
                self._fuzz.faults.append(f"not closed by {shot.what}: {shot.data[:300]!r}")

    def _closed(self, code: int, shot: Shot) -> None:
        self._fuzz.closes[str(code)] += 1
        if code == LOST or code not in CODES:
            self._fuzz.faults.append(f"closed with {code} by {shot.what}: {shot.data[:300]!r}")


START = {"experiment": "embed", "params": {"does": "plan progress:5 end"}}
