"""What an audience costs during `embed`: the server's CPU, what waits on the way, memory."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from typing import Any

from bench.support.served import RUN_S, MeasuringError, Served, log, served
from demo_server.protocol.frames import CloseCode
from tests.load.follower import Follower
from tests.load.record import Record
from tests.load.storm import until
from tests.load.wire import Wire, connect

PARAMS = {"rows": 2000, "batch_size": 64}
VIEWERS, CROWD = 100, 500
ROUNDS = 1
SETTLE_S = 3.0
ANSWER_S = 10.0
SILENT_S = 60.0
HEAL_S = 5.0
# As a phone has it: one of a few bytes could not be emptied before the server gives up.
DEAF_BUFFER = 64 * 1024
MOST_CPU, MOST_KB = 4.0, 40.0
MOST_VIEWER_MS, MOST_PRESENTER_MS = 500, 150


class Spectator:
    """One client that keeps the one rule and notes how old each event is when it comes."""

    def __init__(self, name: str, record: Record, token: str | None) -> None:
        self.follower = Follower(name, record, token)
        self.delays_ms: list[float] = []
        self.codes: list[int] = []
        self.wire: Wire
        self._record = record
        self._started: dict[str, float] = {}

    async def come(self, port: int, receive_buffer: int | None = None) -> None:
        self.wire = await connect(port, self._take, self.codes.append, receive_buffer)
        self.follower.opened(self.wire.send)

    def _take(self, text: str) -> None:
        self.follower.take(text)
        frame = self._record.receive(text)
        if frame.type == "run":
            self._started[frame.body["run"]["run_id"]] = frame.body["run"]["started_at"]
        started = self._started.get(frame.run_id)
        if frame.type == "events" and started:
            # `started_at` and `t` are of the same machine: their sum is when it happened.
            now = time.time() * 1000
            self.delays_ms += [now - started * 1000 - event.t for event in frame.events]

    def ended(self, run_id: str) -> bool:
        state = self.follower.states.get(run_id)
        return bool(state and state.status and state.status.status.ended)


class Hall:
    """The presenter, the viewers that are there, and the server they are of."""

    def __init__(self, server: Served, port: int, token: str) -> None:
        self.server, self.port = server, port
        self.record = Record()
        self.presenter = Spectator("presenter", self.record, token)
        self.viewers: list[Spectator] = []
        self.run_id = ""

    async def fill(self, count: int) -> float:
        """Let viewers in until there are `count`; return the memory of each, in kB."""
        await asyncio.sleep(SETTLE_S)  # the run before is over, and the server puts it away
        before = self.memory()
        missing = count - len(self.viewers)
        for number in range(missing):
            viewer = Spectator(f"viewer {number}", self.record, None)
            await viewer.come(self.port)
            self.viewers.append(viewer)
        await asyncio.sleep(SETTLE_S)
        return (self.memory() - before) / 1000 / missing

    def memory(self) -> int:
        """Return what is resident of the server, in bytes."""
        return int(self.server.process.memory_info().rss)

    async def empty(self) -> None:
        for viewer in self.viewers:
            viewer.wire.close()
        self.viewers.clear()
        await asyncio.sleep(SETTLE_S)

    async def run(self, params: dict[str, Any] = PARAMS) -> float:
        """Run `embed` to its end; return the server's CPU meanwhile, in percent of one core."""
        request_id = os.urandom(4).hex()
        start = {"type": "start", "request_id": request_id, "experiment": "embed"}
        began, cpu = time.monotonic(), self._cpu()
        self.presenter.wire.send(json.dumps(start | {"params": params}))
        everybody = [self.presenter, *self.viewers]
        accepted = self.presenter.follower.accepted
        if not await until(lambda: request_id in accepted, ANSWER_S):
            raise MeasuringError(f"no run was started: {self.record.breaches}")
        run_id = self.run_id = accepted[request_id]
        if not await until(lambda: all(one.ended(run_id) for one in everybody), RUN_S):
            raise MeasuringError(f"{run_id} did not end for everybody: {self.record.breaches[:5]}")
        seconds, used = time.monotonic() - began, self._cpu() - cpu
        self._compare(run_id, everybody)
        log(f"{used:.2f} s of CPU in {seconds:.1f} s, {len(self.viewers)} viewers")
        return 100 * used / seconds

    def _cpu(self) -> float:
        times = self.server.process.cpu_times()
        return float(times.user + times.system)

    def _compare(self, run_id: str, everybody: list[Spectator]) -> None:
        expected = self.record.compare_with_log(run_id, self.server.log_path(run_id))
        for one in everybody:
            if one.follower.states[run_id] != expected:
                self.record.breach(f"{one.follower.name}: its fold is not the log's")


async def measure(server: Served) -> dict[str, Any]:
    hall = Hall(server, server.port, server.token)
    await hall.presenter.come(server.port)
    alone, full = [], []
    for number in range(1, ROUNDS + 1):
        log(f"round {number} of {ROUNDS}: the presenter alone …")
        alone.append(await hall.run())
        log(f"… and with {VIEWERS} viewers")
        memory_kb = await hall.fill(VIEWERS)
        filled = hall.memory()
        hall.presenter.delays_ms.clear()
        full.append(await hall.run())
        await asyncio.sleep(SETTLE_S)
        after_run_kb = memory_kb + (hall.memory() - filled) / 1000 / VIEWERS
        delays = [delay for viewer in hall.viewers for delay in viewer.delays_ms]
        presenters = list(hall.presenter.delays_ms)
        if number < ROUNDS:
            await hall.empty()
    log(f"{CROWD} viewers, one of whom never reads …")
    crowd_kb = await hall.fill(CROWD)
    deaf = Spectator("a viewer that never reads", hall.record, None)
    await deaf.come(server.port, receive_buffer=DEAF_BUFFER)
    deaf.wire.pause()
    paused = time.monotonic()
    for viewer in hall.viewers:
        viewer.delays_ms.clear()
    crowd_cpu, closed_s = await asyncio.gather(hall.run(), closing(deaf, server, paused))
    others = [delay for viewer in hall.viewers for delay in viewer.delays_ms]
    healed = await heals(deaf, hall)
    lost = sum(viewer.wire.lost for viewer in hall.viewers)
    measures = [
        {
            "what": f"server CPU for {VIEWERS} viewers, of one core",
            "value": statistics.median(full) - statistics.median(alone),
            "unit": "%",
            "at_most": MOST_CPU,
        },
        {"what": "… with them", "value": statistics.median(full), "unit": "%"},
        {"what": "… without", "value": statistics.median(alone), "unit": "%"},
        percentile("an event to a viewer", delays, MOST_VIEWER_MS),
        percentile("an event to the presenter meanwhile", presenters, MOST_PRESENTER_MS),
        {
            "what": f"server memory a viewer, {VIEWERS} viewers",
            "value": memory_kb,
            "unit": "kB",
            "digits": 1,
            "at_most": MOST_KB,
        },
        {
            "what": "… with all that their run took and left, the server's own too",
            "value": after_run_kb,
            "unit": "kB",
            "digits": 1,
            "at_most": MOST_KB,
        },
        {
            "what": f"server memory a viewer, the next {CROWD - VIEWERS}",
            "value": crowd_kb,
            "unit": "kB",
            "digits": 1,
        },
        {"what": f"{CROWD} viewers: server CPU, of one core", "value": crowd_cpu, "unit": "%"},
        percentile(f"{CROWD} viewers, one never reads: an event to the others", others, None),
        {"what": f"{CROWD} viewers: connections lost", "value": lost, "at_most": 0},
        {
            "what": "one that never reads is closed with 4008 after",
            "value": closed_s,
            "unit": "s",
        },
        {
            "what": "… its close code",
            "value": deaf.codes[0],
            "at_least": CloseCode.TOO_SLOW,
            "at_most": CloseCode.TOO_SLOW,
        },
        {"what": "… comes back and has all (1: yes)", "value": int(healed), "at_least": 1},
        {"what": "breaches of the one rule", "value": len(hall.record.breaches), "at_most": 0},
    ]
    return {"measures": measures, "notes": notes(hall)}


async def closing(deaf: Spectator, server: Served, since: float) -> float:
    """Wait until the server has logged that it closed `deaf`, then read what it left."""
    known = len(server.printed)
    while time.monotonic() - since < SILENT_S:
        if any("and is closed" in line for line in server.printed[known:]):
            break
        await asyncio.sleep(0.1)
    seconds = time.monotonic() - since
    deaf.wire.resume()
    await until(lambda: bool(deaf.codes))
    return seconds


async def heals(deaf: Spectator, hall: Hall) -> bool:
    """Come back with what is there; tell whether everything is there soon."""
    await deaf.come(hall.port)
    (run_id, state) = list(hall.presenter.follower.states.items())[-1]
    return await until(lambda: deaf.follower.states.get(run_id) == state, HEAL_S)


def percentile(what: str, delays: list[float], at_most: float | None) -> dict[str, Any]:
    """Return the 99th percentile of delays in ms as a measure."""
    value = statistics.quantiles(delays, n=100)[98]
    made = {"what": f"{what}, 99 of 100 within", "value": value, "unit": "ms", "digits": 0}
    return made | ({"at_most": at_most} if at_most else {})


def notes(hall: Hall) -> list[str]:
    return [
        f"`embed` on {PARAMS['rows']} rows, real Ray; viewers and presenter are sockets of one "
        "other process, whose CPU is not counted, on the same two cores. CPU for viewers: the "
        "server's during a run with them minus during a run without. An event's age is taken as "
        "it is read: made, numbered, flushed every 250 ms to a viewer and 50 ms to the "
        "presenter, sent.",
        *[f"Breach: {breach}" for breach in hall.record.breaches[:5]],
    ]


def main() -> None:
    with served() as server:
        print(json.dumps(asyncio.run(measure(server))))


if __name__ == "__main__":
    main()
