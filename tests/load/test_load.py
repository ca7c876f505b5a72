"""The short form of `npm run stress`: the same scenarios, small, with a seed of the day."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random

import pytest

from tests.load.client import SHARES, Client
from tests.load.follower import SILENT_TICKS, Follower
from tests.load.frames import FrameGenerator
from tests.load.fuzz import Fuzz
from tests.load.record import Record
from tests.load.server_process import ServerProcess
from tests.load.storm import Storm, Weather
from tests.load.wire import connect
from tests.support.ray_cluster import free_port

SEED = "7"


@pytest.fixture
async def server(tmp_path: Path) -> ServerProcess:
    return ServerProcess(tmp_path / "cache", free_port())


async def test_nothing_is_lost_in_a_storm_of_reconnects_and_restarts(
    server: ServerProcess,
) -> None:
    weather = Weather(clients=40, seconds=12, reconnects_a_minute=400, storms=2, restarts=2)
    storm = Storm(server, SEED, weather)
    figures = await storm.play()
    assert storm.faults == []
    assert figures["reconnects"] > 40
    assert figures["server restarts"] == 2
    assert figures["events delivered"] > 1000


async def test_whatever_is_sent_is_answered_or_closed_with_a_code(server: ServerProcess) -> None:
    fuzz = Fuzz(server, SEED, frames=2000)
    figures = await fuzz.play()
    assert fuzz.faults == []
    assert figures["frames"] >= 2000
    assert figures["HTTP requests"] == 200


async def test_a_connected_viewer_costs_less_than_40_kb(
    server: ServerProcess,
) -> None:
    wires = []

    async def let_in(count: int) -> int:
        for _ in range(count):
            wire = await connect(server.port, lambda text: None, lambda code: None)
            wire.send(json.dumps({"type": "hello"}))
            wires.append(wire)
        await asyncio.sleep(1.5)
        return int(server.process.memory_info().rss)

    async with server:
        # The first ones fill buffers, and make what is made once.
        before = await let_in(20)
        after = await let_in(200)
        for wire in wires:
            wire.close()
    assert (after - before) / 200 < 40_000


# The checks themselves: what they must not overlook.


def events(*seqs: int) -> str:
    notes = [{"seq": n, "t": n, "kind": "note", "data": {"text": f"{n}"}} for n in seqs]
    return json.dumps({"type": "events", "run_id": "r", "events": notes})


def snapshot(seq: int, held: int) -> str:
    state = {"seq": held, "t": 0, "status": None, "stages": {}}
    return json.dumps({"type": "snapshot", "run_id": "r", "seq": seq, "state": state})


def beat(seq: int) -> str:
    return json.dumps({"type": "beat", "epoch": "e", "runs": {"r": seq}})


WELCOME = {"type": "welcome", "epoch": "e", "runs": [{"run_id": "r"}]}
BREACHES = [
    ([events(1), events(3)], "a gap"),
    ([events(2)], "a gap"),
    ([events(1, 2), events(2, 3)], "a duplicate"),
    ([events(1), snapshot(9, 8)], "snapshot 9 holds seq 8"),
    ([events(1, 2), snapshot(1, 1)], "goes back"),
    ([events(1), beat(2)], "the beat says 2"),
    ([events(1, 2), events(2).replace('"2"', '"other"')], "two contents"),
]


@pytest.mark.parametrize(("frames", "breach"), BREACHES)
def test_a_breach_of_the_stream_rule_is_detected(frames: list[str], breach: str) -> None:
    record = Record()
    follower = Follower("client", record, None)
    follower.opened(lambda text: None)
    follower.take(json.dumps(WELCOME))
    for frame in frames:
        follower.take(frame)
    assert any(breach in found for found in record.breaches)


def test_a_correct_stream_has_no_breach() -> None:
    record = Record()
    follower = Follower("client", record, None)
    follower.opened(lambda text: None)
    follower.take(json.dumps(WELCOME))
    for frame in [events(1), events(2, 3), beat(3), snapshot(9, 9), events(10), beat(10)]:
        follower.take(frame)
    follower.ask_again("r", 8)
    follower.take(events(9, 10, 11))
    assert record.breaches == []


def test_unexcused_silence_is_detected() -> None:
    record = Record()
    follower = Follower("client", record, None)
    for _ in range(SILENT_TICKS):
        follower.tick(excused=True)
    assert record.breaches == []
    for _ in range(SILENT_TICKS):
        follower.tick(excused=False)
    assert len(record.breaches) == 1


def test_a_log_that_differs_is_detected(tmp_path: Path) -> None:
    record = Record()
    record.receive(events(1, 2, 3))
    path = tmp_path / "log.jsonl"
    path.write_text("{}\n" + "\n".join(json.dumps(e) for e in json.loads(events(1, 2))["events"]))
    with path.open("a") as file:
        file.write("\n")
    record.compare_with_log("r", path)
    assert any("the log ends at 2" in breach for breach in record.breaches)
    assert any("0 ends" in breach for breach in record.breaches)


async def test_the_same_seed_gives_the_same_clients_and_frames(server: ServerProcess) -> None:
    def habits(seed: str) -> list[str]:
        return [Client(f"{n}", seed, server, Record(), 1).habit for n in range(60)]

    def shots(seed: str) -> list[bytes]:
        generator = FrameGenerator(Random(seed), [])
        return [generator.shot().data for _ in range(50)]

    assert habits("a") == habits("a") != habits("b")
    assert set(habits("a")) == set(SHARES)
    # A masked frame has a key of its own each time: only what it carries comes from the seed.
    assert [len(data) for data in shots("a")] == [len(data) for data in shots("a")]
