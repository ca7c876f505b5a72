"""One simulated client: it follows the rule, and has a bad habit of its own."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from enum import StrEnum
from random import Random

from tests.load.follower import Follower
from tests.load.record import Record
from tests.load.server_process import ServerProcess
from tests.load.wire import Wire, connect

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 1.0
# Little waits in the kernel, so that the server soon notices a client that does not read.
SMALL_BUFFER = 8 * 1024


class Habit(StrEnum):
    STEADY = "steady"
    RELOADS = "reloads"  # closes properly and comes back with what it has
    DROPS = "drops"  # its TCP connection ends, also in the middle of a frame, either way
    SLEEPS = "sleeps"  # reads nothing for a while, sometimes until it is closed
    LATE = "late"  # forgets all and joins in the middle
    ASKS = "asks"  # watches again from an earlier place


SHARES = {
    Habit.STEADY: 20,
    Habit.RELOADS: 15,
    Habit.DROPS: 30,
    Habit.SLEEPS: 10,
    Habit.LATE: 15,
    Habit.ASKS: 10,
}
PRESENTERS = 0.05


class Client:
    """Connects, follows, misbehaves and comes back, until it is told to leave."""

    def __init__(
        self,
        name: str,
        seed: str,
        server: ServerProcess,
        record: Record,
        mean_s: float,
        presents: bool = False,
    ) -> None:
        self._random = Random(f"{seed} {name}")
        self.habit = self._random.choices(list(SHARES), list(SHARES.values()))[0]
        presents = self._random.random() < PRESENTERS or presents
        self._server, self._mean_s = server, mean_s
        token = server.token if presents else None
        self.follower = Follower(f"{name} ({self.habit})", record, token)
        self.closes: Counter[int] = Counter()
        self.connections = 0
        self._wire: Wire | None = None
        self._calm = asyncio.Event()
        self._leaving = False

    def tick(self) -> None:
        """Notice silence, where it is the server's."""
        asleep = self._wire is not None and self._wire.paused
        self.follower.tick(excused=asleep or self._leaving or not self._server.up)

    def drop(self) -> None:
        """Lose the connection now."""
        if self._wire:
            self._wire.cut()

    def send(self, **frame: object) -> None:
        """Send a frame if there is a connection; else it is lost."""
        if self._wire:
            self._wire.send(json.dumps(frame))

    def calm_down(self) -> None:
        """Misbehave no more."""
        self._calm.set()
        if self._wire:
            self._wire.resume()

    def leave(self) -> None:
        self._leaving = True
        self._calm.set()
        if self._wire:
            self._wire.resume()
            self._wire.close()

    async def live(self) -> None:
        """Connect again and again, as long as this client does not leave."""
        failures = 0
        while not self._leaving:
            before = self.follower.welcomes
            try:
                await self._visit()
            except OSError:
                self.closes[0] += 1
            failures = 0 if self.follower.welcomes > before else failures + 1
            delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2**failures)
            await asyncio.sleep(delay * (0.5 + self._random.random() / 2))

    async def _visit(self) -> None:
        """Stay until the connection is lost.

        Raises:
            OSError: there is no server.
        """
        lost: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        buffer = SMALL_BUFFER if self.habit is Habit.SLEEPS else None
        wire = await connect(self._server.port, self.follower.take, lost.set_result, buffer)
        self._wire = wire
        self.connections += 1
        self.follower.opened(wire.send)
        if self._leaving:
            wire.close()
        habit = asyncio.create_task(self._misbehave(wire))
        try:
            self.closes[await lost] += 1
        finally:
            self._wire = None
            habit.cancel()
            await asyncio.gather(habit, return_exceptions=True)

    async def _misbehave(self, wire: Wire) -> None:
        while not wire.lost:
            if self._calm.is_set():
                return
            await asyncio.sleep(self._random.expovariate(1 / self._mean_s))
            if self._calm.is_set() or wire.lost:
                return
            match self.habit:
                case Habit.RELOADS:
                    wire.close()
                case Habit.DROPS:
                    self._drop(wire)
                case Habit.SLEEPS:
                    wire.pause()
                    naps = [self._random.uniform(0.5, 4), self._random.uniform(12, 17)]
                    await asyncio.sleep(self._random.choices(naps, [3, 1])[0])
                    wire.resume()
                case Habit.LATE:
                    self.follower.forget()
                    wire.cut()
                case Habit.ASKS:
                    self._ask()

    def _drop(self, wire: Wire) -> None:
        match self._random.randrange(4):
            case 0:
                wire.cut()
            case 1:
                wire.cut_after(self._random.randrange(1, 100_000))
            case 2:
                unwatch = json.dumps({"type": "unwatch", "run_id": "x" * 60})
                wire.send_and_cut(unwatch, self._random.random())
            case 3:
                wire.close()
                wire.cut()

    def _ask(self) -> None:
        for run_id in self.follower.watched:
            seq = self.follower.states[run_id].seq if run_id in self.follower.states else 0
            self.follower.ask_again(run_id, self._random.randint(0, seq))
