"""The websocket, spoken to as any client would."""

from __future__ import annotations

import asyncio
import json

import pytest
import websockets
from websockets.frames import Frame, Opcode

from demo_server.processes.ray_head import RayState
from demo_server.protocol.frames import CloseCode
from demo_server.system.environment import ENGINES
from demo_server.system.settings import Settings
from tests.support.bounds import HANG_S
from tests.support.client import Serve, Served
from tests.support.fakes import DESCRIPTIONS, FakeRay


async def test_a_run_streams_every_event_once_and_in_order(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan progress:200 end")
        events = await peer.events(run_id, until="succeeded")
    statuses = [e["data"]["status"] for e in events if e["kind"] == "status"]
    assert statuses[-3:] == ["starting", "running", "succeeded"]
    assert [e["data"]["rows"] for e in events if e["kind"] == "progress"] == list(range(1, 201))
    assert [e["t"] for e in events] == sorted(e["t"] for e in events)


async def test_the_same_request_gives_the_same_run(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        first = await peer.start("again", does="plan end")
        second = await peer.start("again", does="plan end")
    assert first == second


async def test_every_client_is_notified_of_a_new_run(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as presenter, served.peer(token=None) as viewer:
        run_id = await presenter.start(does="plan end")
        frame = await viewer.frame("run")
    assert frame["run"]["run_id"] == run_id
    assert frame["run"]["experiment"] == "embed"


async def test_what_a_driver_learned_of_the_engines_reaches_every_client(
    serve: Serve, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def describe(*_: object) -> str:
        return DESCRIPTIONS.model_dump_json(by_alias=True).replace("embed", "learned")

    monkeypatch.setattr("demo_server.server.POLL_INTERVAL_S", 0.05)
    monkeypatch.setattr("demo_server.processes.descriptions.run_module", describe)
    served = await serve()
    async with served.peer(token=None) as viewer:
        learned = settings.cache / ENGINES / "0123.json"
        learned.parent.mkdir()
        learned.write_text("{}")
        frame = await viewer.until(
            lambda frame: frame["type"] == "server" and "learned" in str(frame["experiments"])
        )
    assert frame["experiments"][0]["name"] == "learned"


async def test_a_run_waits_with_its_place_while_another_is_active(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        first = await peer.start("a", does="plan sleep:60 end")
        second = await peer.start("b", does="plan end")
        # It ends only when told: of a run before the last one, a snapshot may come for the events.
        third = await peer.start("c", does="plan sleep:60 end")
        events = await peer.events(third, until="queued")
        assert events[0]["data"]["place"] == 2
        await peer.send(type="cancel", run_id=first)
        await peer.events(second, until="succeeded")
        await peer.events(third, until="running")
        await peer.send(type="cancel", run_id=third)
        await peer.events(third, until="cancelled")


async def test_a_cancelled_run_ends_at_once(serve: Serve) -> None:
    served = await serve()
    loop = asyncio.get_running_loop()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan sleep:60 end")
        await peer.events(run_id, until="running")
        asked = loop.time()
        await peer.send(type="cancel", run_id=run_id)
        events = await peer.events(run_id, until="cancelled")
        assert loop.time() - asked < 0.5
        assert events[-1]["data"]["status"] == "cancelled"
        await peer.send(type="cancel", run_id=run_id)
        assert (await peer.frame("error"))["code"] == "already_ended"


async def test_a_crashed_driver_fails_its_run_with_its_last_lines(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan crash:7")
        events = await peer.events(run_id, until="failed")
    failure = next(e["data"] for e in events if e["kind"] == "failure")
    assert "exit code 7" in failure["message"]
    assert "something broke deep inside" in failure["cause"]
    assert "exit code 7" in events[-1]["data"]["reason"]


async def test_a_killed_driver_fails_its_run_with_the_signal(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan signal:9")
        events = await peer.events(run_id, until="failed")
    assert "SIGKILL" in events[-1]["data"]["reason"]


async def test_the_next_run_works_after_a_crash(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        await peer.events(await peer.start("a", does="crash:1"), until="failed")
        await peer.events(await peer.start("b", does="plan end"), until="succeeded")


async def test_a_library_that_prints_does_not_corrupt_the_messages(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        await peer.events(await peer.start(does="babble plan end"), until="succeeded")


async def test_an_invalid_event_becomes_a_note_and_the_run_continues(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan nonsense progress:1 end")
        events = await peer.events(run_id, until="succeeded")
    notes = [e["data"] for e in events if e["kind"] == "note"]
    assert len(notes) == 1
    assert notes[0]["level"] == "warning"
    assert "rows" in notes[0]["text"]


async def test_a_driver_cannot_write_a_status(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan status sleep:0.2 fail")
        events = await peer.events(run_id, until="failed")
    statuses = [e["data"]["status"] for e in events if e["kind"] == "status"]
    assert "succeeded" not in statuses


async def test_an_action_reaches_the_running_experiment(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan act end")
        await peer.events(run_id, until="running")
        await peer.send(type="act", run_id=run_id, action="dance")
        assert (await peer.frame("error"))["code"] == "unknown_action"
        await peer.send(type="act", run_id=run_id, action="poke", args={"hard": True})
        events = await peer.events(run_id, until="succeeded")
    assert any("poke" in e["data"]["text"] for e in events if e["kind"] == "note")


async def test_a_run_waits_while_ray_starts_and_reports_it(serve: Serve) -> None:
    ray = FakeRay(state=RayState.DOWN)
    ray.may_start.clear()
    served = await serve(ray)
    async with served.peer() as peer:
        run_id = await peer.start(does="plan end")
        events = await peer.events(run_id, until="queued")
        assert events[0]["data"]["reason"] == "Ray is starting."
        ray.may_start.set()
        await peer.events(run_id, until="succeeded")


async def test_show_needs_a_retained_dataset(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        await peer.send(type="start", request_id="s", experiment="show", params={})
        error = await peer.frame("error")
        assert (error["code"], error["request_id"]) == ("not_ready", "s")
        await peer.events(await peer.start("h", does="plan hold"), until="succeeded")
        asked = await peer.start("s2", experiment="show", does="plan end")
        await peer.events(asked, until="succeeded")


async def test_shutdown_ends_ray_and_counts_what_came_back(serve: Serve) -> None:
    ray = FakeRay()
    served = await serve(ray)
    async with served.peer() as peer:
        await peer.events(await peer.start("h", does="plan metrics hold"), until="succeeded")
        run_id = await peer.start("s", experiment="shutdown", does="plan endray")
        events = await peer.events(run_id, until="succeeded")
        assert ray.stops == 1
        result = next(e["data"] for e in events if e["kind"] == "result")
        figures = {figure["name"]: figure["value"] for figure in result["figures"]}
        assert figures == {
            "ended_processes": 8,
            "freed_bytes": 700,
            "freed_object_store_bytes": 4096,
        }
        await peer.events(await peer.start("n", does="plan end"), until="succeeded")
        assert ray.starts == 1


async def test_an_impossible_run_is_refused_with_the_sum_and_a_way_out(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        await peer.send(type="start", request_id="x", experiment="embed", params={"concurrency": 4})
        error = await peer.frame("error")
    assert error["code"] == "infeasible"
    assert error["field"] == "concurrency"
    assert "4 actors x 1 CPU + 1 CPU" in error["message"]
    assert "= 5 CPUs" in error["message"]
    assert error["feasible"]["concurrency"] == 3


BAD_STARTS = [
    ({"experiment": "nothing"}, "unknown_experiment", "experiment"),
    ({"params": {"rows": 0}}, "bad_parameter", "rows"),
    ({"params": {"rows": "12"}}, "bad_parameter", "rows"),
    ({"params": {"rows": True}}, "bad_parameter", "rows"),
    ({"params": {"rows": 1.5}}, "bad_parameter", "rows"),
    ({"params": {"rows": None}}, "bad_parameter", "rows"),
    ({"params": {"dataset": "/etc/passwd"}}, "bad_parameter", "dataset"),
    ({"dataset": "/etc/passwd"}, "bad_frame", "dataset"),
    ({"params": []}, "bad_frame", "params"),
    ({"request_id": ""}, "bad_frame", "request_id"),
    ({"request_id": 5}, "bad_frame", "request_id"),
]


@pytest.mark.parametrize(("change", "code", "field"), BAD_STARTS)
async def test_a_bad_start_gets_an_error_that_names_the_field(
    serve: Serve, change: dict[str, object], code: str, field: str
) -> None:
    served = await serve()
    start = {"type": "start", "request_id": "x", "experiment": "embed", "params": {}}
    async with served.peer() as peer:
        await peer.send(**{**start, **change})
        error = await peer.frame("error")
        assert (error["code"], error["field"]) == (code, field)
        assert error["message"].endswith(".")
        await peer.events(await peer.start(does="plan end"), until="succeeded")


BAD_FRAMES = [
    ("", "not_json"),
    ("{", "not_json"),
    ("[" * 60000, "not_json"),
    ('{"type":"watch","run_id":"x","after":NaN}', "not_json"),
    ('{"type":"watch","run_id":"x","after":Infinity}', "not_json"),
    ('{"type":"watch","run_id":"x","after":1e400}', "not_json"),
    ('{"type":"start","request_id":"x","experiment":"embed","params":{"rows":NaN}}', "not_json"),
    ('{"type":"watch","run_id":"\\ud800","after":0}', "not_json"),
    ('{"type":"publish","channel":"nav","patch":{"\\udfff":1}}', "not_json"),
    (b"\x00\x01", "not_json"),
    ("[]", "bad_frame"),
    ("5", "bad_frame"),
    ("{}", "bad_frame"),
    ('{"type":5}', "bad_frame"),
    ('{"type":"dance"}', "unknown_type"),
    ('{"type":"watch"}', "bad_frame"),
    ('{"type":"watch","run_id":"x","after":-1}', "bad_frame"),
    ('{"type":"watch","run_id":"x","after":"0"}', "bad_frame"),
    ('{"type":"watch","run_id":"x","after":0,"more":1}', "bad_frame"),
    ('{"type":"watch","run_id":"nowhere","after":0}', "unknown_run"),
    ('{"type":"cancel","run_id":"../../etc"}', "unknown_run"),
    ('{"type":"hello"}', "bad_frame"),
]


@pytest.mark.parametrize(("raw", "code"), BAD_FRAMES)
async def test_a_bad_frame_gets_an_error_and_the_connection_lives_on(
    serve: Serve, raw: str | bytes, code: str
) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan sleep:0.2 progress:5 end")
        await peer.socket.send(raw)
        assert (await peer.frame("error"))["code"] == code
        await peer.events(run_id, until="succeeded")


async def test_half_a_surrogate_pair_does_not_break_the_welcome(serve: Serve) -> None:
    served = await serve()
    async with served.peer(token=None) as viewer:
        vote = {"q": {"results": {"\ud800": 1}}}
        await viewer.send(type="publish", channel="poll", patch=vote)
        assert (await viewer.frame("error"))["code"] == "not_json"
        await viewer.send(
            type="publish", channel="poll", patch={"q": {"results": {"\U0001f600": 1}}}
        )
        await viewer.frame("beat")
    async with served.peer() as late:
        assert late.seen[0]["channels"] == {"poll": {"q": {"results": {"\U0001f600": 1}}}}


async def test_a_frame_over_64_kib_closes_the_connection_but_not_the_run(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan sleep:0.3 end")
        await peer.socket.send(json.dumps({"type": "hello", "token": "x" * 65536}))
        with pytest.raises(websockets.ConnectionClosedError):
            await peer.until(lambda frame: False)
        assert peer.socket.close_code == CloseCode.FRAME_TOO_LARGE
    async with served.peer() as other:
        await other.events(run_id, until="succeeded")


async def test_a_client_without_hello_is_closed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo_server.web.limits.HELLO_TIMEOUT_S", 0.1)
    served = await serve()
    async with websockets.connect(f"ws://127.0.0.1:{served.port}/ws") as connection:
        with pytest.raises(websockets.ConnectionClosed):
            await connection.recv()
        assert connection.close_code == CloseCode.NO_HELLO


async def test_the_first_frame_must_be_hello(serve: Serve) -> None:
    served = await serve()
    async with websockets.connect(f"ws://127.0.0.1:{served.port}/ws") as connection:
        await connection.send('{"type":"watch","run_id":"x","after":0}')
        with pytest.raises(websockets.ConnectionClosed):
            await connection.recv()
        assert connection.close_code == CloseCode.NO_HELLO


async def test_text_that_is_not_utf_8_closes_the_connection_without_a_traceback(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve()
    async with served.peer() as peer:
        # As text, which the library would not send: its frame is made by hand.
        peer.socket.transport.write(Frame(Opcode.TEXT, b"\xff").serialize(mask=True))
        with pytest.raises(websockets.ConnectionClosedError):
            await peer.until(lambda frame: False)
        assert peer.socket.close_code == 1007
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_client_that_answers_no_ping_is_closed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo_server.web.limits.PING_INTERVAL_S", 0.1)
    monkeypatch.setattr("demo_server.web.limits.SEND_TIMEOUT_S", 0.3)
    served = await serve()
    async with served.peer() as peer:
        peer.socket.transport.pause_reading()
        await nobody_is_there(served)
        peer.socket.transport.resume_reading()
        with pytest.raises(websockets.ConnectionClosed):
            await peer.until(lambda frame: False)
        assert peer.socket.close_code == CloseCode.TOO_SLOW


async def test_a_flood_whose_replies_are_not_read_leaves_no_traceback(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan big:30 end")
        await peer.send(type="watch", run_id=run_id, after=0)
        await peer.until(lambda frame: "succeeded" in json.dumps(frame))
        peer.socket.transport.pause_reading()
        for _ in range(8):
            await peer.send(type="watch", run_id=run_id, after=10**6)
        for _ in range(30):
            await peer.socket.send("no json")
        await nobody_is_there(served)
        peer.socket.transport.resume_reading()
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_client_that_resumes_many_runs_is_welcomed_before_they_are_read(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan end")
        await peer.events(run_id, until="succeeded")
    may_read = asyncio.Event()
    load = served.server.hub.runs.load

    async def slowly(run_id: str) -> object:
        await may_read.wait()
        return await load(run_id)

    monkeypatch.setattr(served.server.hub.runs, "load", slowly)
    async with served.peer(have={"epoch": "older", "runs": {run_id: 1}}) as back:
        await back.frame("beat")
        may_read.set()
        assert (await back.frame("snapshot"))["run_id"] == run_id


async def test_a_flood_of_broken_frames_is_closed(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        for _ in range(60):
            await peer.socket.send("no json")
        with pytest.raises(websockets.ConnectionClosed):
            await peer.until(lambda frame: False)
        assert peer.socket.close_code == CloseCode.FRAME_FLOOD


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "start", "request_id": "x", "experiment": "embed", "params": {}},
        {"type": "cancel", "run_id": "x"},
        {"type": "act", "run_id": "x", "action": "poke"},
        {"type": "publish", "channel": "deck", "patch": {"page": 3}},
        {"type": "publish", "channel": "drawings", "patch": {"1": "<path/>"}},
        {"type": "publish", "channel": "poll", "patch": {"batch": {"status": 2}}},
    ],
)
async def test_a_viewer_may_not_do_what_presenters_do(
    serve: Serve, frame: dict[str, object]
) -> None:
    served = await serve()
    async with served.peer(token="wrong") as viewer:
        assert viewer.seen[0]["role"] == "viewer"
        await viewer.send(**frame)
        assert (await viewer.frame("error"))["code"] == "not_allowed"
    assert served.server.hub.channels.state == {}
    assert served.server.hub.runs.list() == []


async def test_what_the_presenter_publishes_reaches_all_others_and_late_ones(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as presenter, served.peer(token=None) as viewer:
        await presenter.send(type="publish", channel="nav", patch={"page": 3, "clicks": 1})
        await presenter.send(type="publish", channel="nav", patch={"clicks": 2})
        merged: dict[str, object] = {}
        while merged != {"page": 3, "clicks": 2}:
            merged |= (await viewer.frame("state"))["patch"]
        async with served.peer(token=None) as late:
            assert late.seen[0]["channels"] == {"nav": {"page": 3, "clicks": 2}}


async def test_simultaneous_votes_are_all_kept(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as presenter:
        peers = [served.peer(token=None) for _ in range(5)]
        viewers = [await peer.__aenter__() for peer in peers]
        for number, viewer in enumerate(viewers):
            vote = {"batch": {"results": {f"voter{number}": number % 2}}}
            await viewer.send(type="publish", channel="Deck - poll", patch=vote)
        votes: dict[str, int] = {}
        while len(votes) < 5:
            votes |= (await presenter.frame("state"))["patch"]["batch"]["results"]
        for peer in peers:
            await peer.__aexit__(None, None, None)
    assert votes == {f"voter{number}": number % 2 for number in range(5)}


async def test_a_reconnecting_client_gets_only_what_it_missed(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        epoch = peer.seen[0]["epoch"]
        run_id = await peer.start(does="plan progress:20 end")
        events = await peer.events(run_id, until="succeeded")
    have = {"epoch": epoch, "runs": {run_id: 10}}
    async with served.peer(have=have) as back:
        frame = await back.frame("events")
    assert frame["events"] == events[10:]


async def test_a_client_of_another_epoch_gets_a_snapshot(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan progress:20 end")
        events = await peer.events(run_id, until="succeeded")
    async with served.peer(have={"epoch": "older", "runs": {run_id: 10}}) as back:
        snapshot = await back.frame("snapshot")
    assert snapshot["seq"] == len(events)
    assert snapshot["state"]["status"]["status"] == "succeeded"


async def test_a_beat_carries_the_last_seq_that_was_sent_before_it(serve: Serve) -> None:
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan " + "progress:3 sleep:0.2 " * 6 + "end")
        await peer.send(type="watch", run_id=run_id, after=0)
        last, beats = 0, 0
        while beats < 3:
            frame = await peer.until(lambda f: f["type"] in ("events", "beat"))
            if frame["type"] == "events":
                last = frame["events"][-1]["seq"]
            elif run_id in frame["runs"]:
                assert frame["runs"][run_id] == last
                beats += 1
    assert last > 0


async def test_a_client_that_reads_nothing_is_closed_without_effect_on_others(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo_server.web.limits.SEND_TIMEOUT_S", 0.5)
    served = await serve()
    async with served.peer() as presenter:
        run_id = await presenter.start(does="plan big:60 end")
        await presenter.send(type="watch", run_id=run_id, after=0)
        await presenter.until(lambda frame: "succeeded" in json.dumps(frame))
        url = f"ws://127.0.0.1:{served.port}/ws"
        slow = await websockets.connect(url, max_size=None, max_queue=1)
        await slow.send(json.dumps({"type": "hello"}))
        for _ in range(8):
            watch = {"type": "watch", "run_id": run_id, "after": 10**6}
            await slow.send(json.dumps(watch))
        await asyncio.sleep(1.5)
        assert len(served.server.hub.clients) == 1
        another = await presenter.start("next", does="plan progress:50 end")
        await presenter.events(another, until="succeeded")
        await drain(slow)
        assert slow.close_code == CloseCode.TOO_SLOW


async def nobody_is_there(served: Served) -> None:
    """Wait until the server has let every client go."""
    async with asyncio.timeout(HANG_S):
        while True:
            if not served.server.hub.clients:
                return
            await asyncio.sleep(0.05)


async def drain(connection: websockets.ClientConnection) -> None:
    """Read until the other side has closed."""
    try:
        while True:
            await connection.recv()
    except websockets.ConnectionClosed:
        return


async def test_a_client_that_reads_slowly_gets_a_snapshot_and_then_what_follows(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo_server.runs.run.MAX_LAG_BYTES", 50_000)
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan big:3 sleep:0.5 progress:3 sleep:0.3 progress:2 end")
        await peer.send(type="watch", run_id=run_id, after=0)
        seq = 0
        ended = False
        while not ended:
            frame = await peer.until(lambda f: f.get("run_id") == run_id and f["type"] != "run")
            if frame["type"] == "snapshot":
                seq = frame["seq"]
            elif frame["type"] == "events":
                assert frame["events"][0]["seq"] == seq + 1
                seq = frame["events"][-1]["seq"]
                ended = frame["events"][-1]["data"].get("status") == "succeeded"
        assert any(frame["type"] == "snapshot" for frame in peer.seen)


async def test_a_recorded_talk_starts_no_ray_and_refuses_runs_with_the_reason(serve: Serve) -> None:
    ray = FakeRay(state=RayState.DOWN)
    served = await serve(ray, recorded=True)
    async with served.peer() as peer:
        assert peer.seen[0]["recorded"] is True
        assert peer.seen[0]["status"] == "ready"
        await peer.send(type="start", request_id="r1", experiment="embed", params={})
        error = await peer.frame("error")
    assert error["code"] == "not_ready"
    assert "--recorded" in error["message"]
    assert ray.starts == 0
