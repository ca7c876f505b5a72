"""What one client, or a thousand of them, can cost a server: little."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
import websockets

from demo_server.protocol.errors import Refusal, TooManyError
from demo_server.protocol.frames import CloseCode
from demo_server.web import limits
from demo_server.web.connection_slots import ConnectionSlots
from demo_server.web.frame_parser import decode
from demo_server.web.limits import Rate
from demo_server.web.rate_limit import Attempts, TokenBucket
from tests.support.bounds import HANG_S
from tests.support.client import Serve, Served


async def silent(served: Served) -> websockets.ClientConnection:
    return await websockets.connect(f"ws://127.0.0.1:{served.port}/ws", open_timeout=HANG_S)


async def test_a_thousand_websockets_without_hello_do_not_block_a_real_client(serve: Serve) -> None:
    served = await serve()
    async with contextlib.AsyncExitStack() as stack:
        crowd = []
        for _ in range(20):
            crowd += await asyncio.gather(*(silent(served) for _ in range(50)))
        for one in crowd:
            stack.push_async_callback(one.close)
        async with served.peer() as peer:
            run_id = await peer.start(does="plan progress:20 end")
            await peer.events(run_id, until="succeeded")
        evicted = crowd[: -limits.MAX_WITHOUT_HELLO]
        for one in evicted:
            await one.wait_closed()
        assert {one.close_code for one in evicted} == {CloseCode.NO_HELLO}


async def test_a_connection_without_a_request_is_closed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REQUEST_TIMEOUT_S", 0.2)
    served = await serve()
    for begun in (b"", b"GET / HTTP/1.1\r\nHost: loc"):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(begun)
        async with asyncio.timeout(HANG_S):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()


async def test_with_too_many_connections_the_oldest_without_a_request_is_closed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 20)
    served = await serve()
    opened = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(40)]
    async with served.peer() as peer:
        assert peer.seen[0]["role"] == "presenter"
    for reader, writer in opened[:20]:
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
    for _, writer in opened[20:]:
        writer.close()


async def test_a_full_server_refuses_viewers_but_not_its_presenter(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_WEBSOCKETS", 2)
    served = await serve()
    cookie = served.server.credentials.redeem(served.server.credentials.new_code())
    async with served.peer(token=None), served.peer(token=None):
        late = await silent(served)
        with pytest.raises(websockets.ConnectionClosed):
            await late.recv()
        assert late.close_code == CloseCode.TRY_AGAIN_LATER
        url = f"ws://127.0.0.1:{served.port}/ws"
        sent = {"Cookie": f"demo_session_{served.port}={cookie}"}
        async with websockets.connect(url, additional_headers=sent) as phone:
            await phone.send('{"type":"hello"}')
            assert '"role":"presenter"' in str(await phone.recv())


def test_one_address_gets_a_bounded_number_of_websockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_WEBSOCKETS_OF_ADDRESS", 2)
    slots = ConnectionSlots()
    with contextlib.ExitStack() as stack:
        for address in ("2001:db8::1", "2001:db8::2"):
            stack.enter_context(slots.acquire(address, always=False))
        with pytest.raises(TooManyError, match="your address"):
            stack.enter_context(slots.acquire("2001:db8::3", always=False))
        stack.enter_context(slots.acquire("192.0.2.1", always=False))
        for _ in range(5):
            stack.enter_context(slots.acquire("127.0.0.1", always=False))
    stack.enter_context(slots.acquire("2001:db8::3", always=False))


def test_the_oldest_without_hello_of_the_busiest_address_is_evicted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_WITHOUT_HELLO", 3)
    slots = ConnectionSlots()
    gone: list[str] = []
    with contextlib.ExitStack() as stack:
        for number, address in enumerate(["192.0.2.9", "192.0.2.1", "192.0.2.1", "192.0.2.1"]):
            slot = stack.enter_context(slots.acquire(address, always=False))
            slots.await_hello(slot, lambda n=number: gone.append(str(n)))  # type: ignore[misc]
    assert gone == ["1"]


async def test_a_flood_of_good_frames_is_closed_too(serve: Serve) -> None:
    served = await serve()
    async with served.peer(token=None) as viewer:
        with contextlib.suppress(websockets.ConnectionClosed):
            for _ in range(1000):
                await viewer.send(type="unwatch", run_id="x")
        with pytest.raises(websockets.ConnectionClosed):
            await viewer.until(lambda frame: False)
        assert viewer.socket.close_code == CloseCode.FRAME_FLOOD


def nested(depth: int) -> str:
    return "{" + '"a":{' * (depth - 1) + "}" * depth


@pytest.mark.parametrize(
    "depth", [limits.MAX_FRAME_DEPTH, 100, 200, 300, 500, 900, 1000, 2000, 10_000]
)
@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"publish","channel":"poll","patch":%s}',
        '{"type":"start","request_id":"x","experiment":"embed","params":{"rows":%s}}',
        '{"type":"act","run_id":"x","action":"poke","args":%s}',
        '{"type":"dance","with":%s}',
    ],
)
def test_a_frame_that_is_nested_too_deep_is_refused(frame: str, depth: int) -> None:
    with pytest.raises(Refusal):
        decode(frame % nested(depth))


async def test_huge_and_deeply_nested_frames_do_not_disturb_other_clients(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan sleep:0.3 progress:5 end")
        for _ in range(5):
            async with served.peer(token=None) as viewer:
                await viewer.socket.send(nested(9000))
                assert (await viewer.frame("error"))["code"] in ("bad_frame", "not_json")
                await viewer.socket.send('"' + "x" * 70_000 + '"')
                with pytest.raises(websockets.ConnectionClosed):
                    await viewer.until(lambda frame: False)
                assert viewer.socket.close_code == CloseCode.FRAME_TOO_LARGE
        await peer.events(run_id, until="succeeded")


async def test_a_client_watches_a_bounded_number_of_runs(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_WATCHED_RUNS", 2)
    served = await serve()
    async with served.peer() as peer:
        runs = [await peer.start(f"r{n}", does="plan end") for n in range(3)]

        async def watch(run_id: str) -> None:
            """Watch until something arrives: a run that has ended sends a snapshot."""
            await peer.send(type="watch", run_id=run_id, after=0)
            told = ("events", "snapshot")
            await peer.until(lambda f: f["type"] in told and f["run_id"] == run_id)

        await watch(runs[0])
        await watch(runs[1])
        await peer.send(type="watch", run_id=runs[2], after=0)
        assert (await peer.frame("error"))["code"] == "too_many"
        await peer.send(type="unwatch", run_id=runs[0])
        await watch(runs[2])


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_token_bucket_refills() -> None:
    clock = Clock()
    bucket = TokenBucket(Rate(2, 1), clock)
    assert [bucket.spend() for _ in range(3)] == [True, True, False]
    clock.now += 1
    assert [bucket.spend() for _ in range(2)] == [True, False]


def test_attempts_are_counted_for_each_address_and_for_a_bounded_number_of_them() -> None:
    clock = Clock()
    attempts = Attempts(Rate(2, 1), clock)
    for _ in range(2):
        attempts.failed("2001:db8::1")
    assert attempts.exhausted("2001:db8::ffff")
    assert not attempts.exhausted("192.0.2.1")
    clock.now += 1
    assert not attempts.exhausted("2001:db8::1")
    for number in range(5000):
        attempts.failed(f"10.0.{number // 250}.{number % 250}")
    assert len(attempts._addresses) <= limits.MAX_COUNTED_ADDRESSES
    assert json.dumps(list(attempts._addresses)[-1]) == '"10.0.19.249"'
