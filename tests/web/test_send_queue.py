"""One rule for a stream: consecutive seqs, or a snapshot at k followed by k + 1."""

from __future__ import annotations

import asyncio
import json
import weakref
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_server.protocol import event_kinds
from demo_server.protocol.events import (
    NoteData,
    RunStatus,
    StatusData,
)
from demo_server.protocol.state import RunState
from demo_server.runs import fold
from demo_server.runs.archive import Archive
from demo_server.runs.run import MAX_LAG_BYTES, Run
from demo_server.runs.run_registry import KEPT_IN_MEMORY, RunRegistry
from demo_server.web.send_queue import SendQueue


def make_run(run_id: str = "run") -> Run:
    return Run(run_id, "request", "embed", {}, 0.0)


def note(run: Run, text: str = "hello") -> None:
    run.append(NoteData(text=text), t=run.seq)


class Reader:
    """A client that follows the rule and complains when it is broken."""

    def __init__(self) -> None:
        self.state = RunState()
        self.snapshots = 0
        self.beats: list[int] = []

    def read(self, frames: list[str]) -> None:
        for text in frames:
            frame: dict[str, Any] = json.loads(text)
            if frame["type"] == "snapshot":
                self.snapshots += 1
                self.state = RunState.model_validate(frame["state"])
                assert self.state.seq == frame["seq"]
            elif frame["type"] == "events":
                for event in frame["events"]:
                    fold.apply(self.state, event_kinds.event.validate_python(event))
            elif frame["type"] == "beat":
                assert frame["runs"] == {"run": self.state.seq}
                self.beats.append(self.state.seq)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("note"), st.integers(1, 30)),
        st.tuples(st.just("big"), st.integers(1, 5)),
        st.tuples(st.sampled_from(["take", "beat", "again", "forget"]), st.just(1)),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_every_client_ends_with_the_state_of_the_run(
    steps: list[tuple[str, int]],
) -> None:
    run, reader = make_run(), Reader()
    send_queue = SendQueue("epoch")
    send_queue.watch(run, 0)
    for step, times in steps:
        for _ in range(times):
            match step:
                case "note":
                    note(run)
                case "big":
                    note(run, "x" * (MAX_LAG_BYTES // 2))
                case "take":
                    reader.read(send_queue.drain())
                case "beat":
                    send_queue.beat()
                case "again":
                    send_queue.watch(run, reader.state.seq)
                case "forget":
                    run.forget_tail()
    reader.read(send_queue.drain())
    assert reader.state == run.state


def test_a_client_that_is_too_far_behind_gets_one_snapshot() -> None:
    run, reader = make_run(), Reader()
    send_queue = SendQueue("epoch")
    send_queue.watch(run, 0)
    for _ in range(40):
        note(run, "x" * 40_000)
    frames = send_queue.drain()
    reader.read(frames)
    assert len(frames) == 1
    assert reader.snapshots == 1
    note(run)
    reader.read(send_queue.drain())
    assert (reader.snapshots, reader.state) == (1, run.state)


def test_a_frame_for_many_clients_is_encoded_once() -> None:
    run = make_run()
    boxes = [SendQueue("epoch") for _ in range(3)]
    for box in boxes:
        box.watch(run, 0)
    note(run)
    first, *others = [box.drain()[0] for box in boxes]
    assert all(frame is first for frame in others)


def test_memory_for_a_run_stays_bounded() -> None:
    run = make_run()
    for _ in range(3000):
        note(run, "x" * 2000)
    assert sum(map(len, run._tail)) <= 1024 * 1024
    assert len(run.snapshot_frame()) < 300_000


def test_a_seq_beyond_the_end_gets_a_snapshot() -> None:
    run, reader = make_run(), Reader()
    note(run)
    send_queue = SendQueue("epoch")
    send_queue.watch(run, 99)
    reader.read(send_queue.drain())
    assert reader.state == run.state


def test_waiting_patches_of_a_channel_are_combined() -> None:
    send_queue = SendQueue("epoch")
    send_queue.patch("nav", {"page": 1, "deep": {"a": 1}})
    send_queue.patch("nav", {"page": 2, "deep": {"b": None}})
    (frame,) = [json.loads(text) for text in send_queue.drain()]
    assert frame["patch"] == {"page": 2, "deep": {"a": 1, "b": None}}
    assert send_queue.drain() == []


def test_only_a_queue_with_frames_is_pending() -> None:
    run, send_queue = make_run(), SendQueue("epoch")
    assert not send_queue.pending
    for fill in (
        lambda: send_queue.reply("frame"),
        lambda: send_queue.run("run", "frame"),
        lambda: send_queue.server("frame"),
        lambda: send_queue.patch("nav", {"page": 1}),
        send_queue.beat,
        lambda: (note(run), send_queue.watch(run, 0)),
        lambda: note(run),
    ):
        fill()
        assert send_queue.pending
        assert send_queue.drain()
        assert not send_queue.pending


def test_only_the_newest_server_status_is_sent() -> None:
    send_queue = SendQueue("epoch")
    send_queue.server("old")
    send_queue.server("new")
    assert send_queue.drain() == ["new"]


async def test_a_watched_run_is_sent_to_its_end_after_the_server_forgot_it(
    tmp_path: Path,
) -> None:
    runs = RunRegistry(Archive(tmp_path), None, None, 10**9)
    old = [runs.accept(f"old-{n}", "embed", {}, "hash") for n in range(KEPT_IN_MEMORY + 1)]
    for run in old:
        runs.append(run, StatusData(status=RunStatus.SUCCEEDED))
    watched = runs.accept("watched", "embed", {}, "hash")
    send_queue = SendQueue("epoch")
    send_queue.watch(watched, 0)
    for run in old:
        await runs.load(run.run_id)

    runs.append(watched, StatusData(status=RunStatus.SUCCEEDED))

    assert runs.loaded(watched.run_id) is None
    reader = Reader()
    reader.read(send_queue.drain())
    assert reader.state == watched.state


def test_an_ended_run_is_released_once_it_is_sent() -> None:
    run = make_run()
    send_queue = SendQueue("epoch")
    send_queue.watch(run, 0)
    note(run)
    run.append(StatusData(status=RunStatus.SUCCEEDED), t=2)
    reader = Reader()
    reader.read(send_queue.drain())
    gone = weakref.ref(run)
    del run
    assert gone() is None
    send_queue.beat()
    reader.read(send_queue.drain())
    assert reader.beats == [2]


async def test_concurrent_requests_fold_a_log_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = RunRegistry(Archive(tmp_path), None, None, 10**9)
    ended = runs.accept("r", "embed", {}, "hash")
    runs.append(ended, StatusData(status=RunStatus.SUCCEEDED))
    restarted = RunRegistry(Archive(tmp_path), None, None, 10**9)
    restarted.recover(lambda _: False)
    folded: list[str] = []
    fold_log = Archive.state

    def counted(archive: Archive, run_id: str) -> RunState:
        folded.append(run_id)
        return fold_log(archive, run_id)

    monkeypatch.setattr(Archive, "state", counted)

    loaded = await asyncio.gather(*(restarted.load(ended.run_id) for _ in range(50)))

    assert folded == [ended.run_id]
    assert all(run is loaded[0] for run in loaded)


async def test_a_client_that_leaves_during_a_fold_does_not_cancel_it_for_others(
    tmp_path: Path,
) -> None:
    runs = RunRegistry(Archive(tmp_path), None, None, 10**9)
    ended = runs.accept("r", "embed", {}, "hash")
    runs.append(ended, StatusData(status=RunStatus.SUCCEEDED))
    restarted = RunRegistry(Archive(tmp_path), None, None, 10**9)
    restarted.recover(lambda _: False)
    leaving = asyncio.create_task(restarted.load(ended.run_id))
    staying = asyncio.create_task(restarted.load(ended.run_id))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying) is not None
