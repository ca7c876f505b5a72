"""Logs on disk: what is written comes back, whatever happened to the writer."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_server.protocol.errors import BrokenLogError
from demo_server.protocol.events import (
    NoteData,
    RunStatus,
    StatusData,
)
from demo_server.runs import log
from demo_server.runs.archive import Archive
from demo_server.runs.fold import fold
from demo_server.runs.log import Author
from demo_server.runs.run import Run
from demo_server.runs.run_registry import RunRegistry

NEVER_ALIVE = lambda author: False  # noqa: E731


def make_runs(root: Path, max_bytes: int = 10**9) -> RunRegistry:
    return RunRegistry(Archive(root), None, None, max_bytes)


def work(runs: RunRegistry, request_id: str = "r", notes: int = 3) -> Run:
    run = runs.accept(request_id, "embed", {"rows": 1}, "c0de")
    runs.append(run, StatusData(status=RunStatus.STARTING))
    for number in range(notes):
        runs.append(run, NoteData(text=f"note {number} äß🎈"))
    return run


def test_a_log_folds_to_the_state_that_was_in_memory(tmp_path: Path) -> None:
    runs = make_runs(tmp_path)
    run = work(runs)
    runs.append(run, StatusData(status=RunStatus.SUCCEEDED))
    assert runs.archive.state(run.run_id) == run.state


def test_the_header_states_what_the_figures_depend_on(tmp_path: Path) -> None:
    run = work(make_runs(tmp_path))
    header = log.read_header(tmp_path / run.run_id / "log.jsonl")
    assert header.experiment == "embed"
    assert header.versions["ray"]
    assert header.machine["cpus"] >= 1
    assert header.author.pid == os.getpid()


def test_after_a_restart_ended_runs_are_listed_and_their_requests_known(tmp_path: Path) -> None:
    runs = make_runs(tmp_path)
    run = work(runs, "the request")
    runs.append(run, StatusData(status=RunStatus.SUCCEEDED))
    later = make_runs(tmp_path)
    later.recover(NEVER_ALIVE)
    assert later.list() == [run.info]
    assert later.of_request("the request") == run.run_id


def test_the_log_of_a_killed_server_is_closed_as_failed(tmp_path: Path) -> None:
    run = work(make_runs(tmp_path))
    later = make_runs(tmp_path)
    later.recover(NEVER_ALIVE)
    (info,) = later.list()
    assert (info.status, info.seq) == (RunStatus.FAILED, run.seq + 1)
    assert later.archive.state(run.run_id).status is not None


@given(cut=st.integers(min_value=1, max_value=60))
def test_a_half_written_line_is_cut_off(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    root = tmp_path_factory.mktemp("runs")
    run = work(make_runs(root))
    path = root / run.run_id / "log.jsonl"
    os.truncate(path, path.stat().st_size - cut)
    later = make_runs(root)
    later.recover(NEVER_ALIVE)
    (info,) = later.list()
    assert info.seq == run.seq  # one event lost, one added
    assert later.archive.state(run.run_id).seq == info.seq


def test_the_log_that_a_living_process_writes_is_left_alone(tmp_path: Path) -> None:
    run = work(make_runs(tmp_path))
    before = (tmp_path / run.run_id / "log.jsonl").read_bytes()
    later = make_runs(tmp_path)
    later.recover(lambda author: author.pid == os.getpid())
    assert later.list() == []
    assert (tmp_path / run.run_id / "log.jsonl").read_bytes() == before


def test_a_file_that_is_not_a_log_does_not_hinder_the_others(tmp_path: Path) -> None:
    run = work(make_runs(tmp_path))
    for name, content in {"empty": "", "words": "hello\n", "odd": '{"format": 9}\n'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "log.jsonl").write_text(content)
    later = make_runs(tmp_path)
    later.recover(NEVER_ALIVE)
    assert [info.run_id for info in later.list()] == [run.run_id]


def test_a_line_in_the_middle_that_is_not_an_event_is_named(tmp_path: Path) -> None:
    run = work(make_runs(tmp_path))
    path = tmp_path / run.run_id / "log.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + "rubbish\n" + "".join(lines[1:]))
    with pytest.raises(BrokenLogError, match="line 2"):
        list(log.read_events(path))


def test_a_full_disk_ends_the_log_but_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = make_runs(tmp_path)
    run = work(runs)
    path = tmp_path / run.run_id / "log.jsonl"
    whole = path.read_bytes()
    real_write = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) > 10:
            return real_write(file, data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    runs.append(run, NoteData(text="one more"))
    runs.append(run, StatusData(status=RunStatus.SUCCEEDED))
    assert path.read_bytes().splitlines()[1:] == whole.splitlines()[1:]
    assert path.stat().st_size == len(whole)
    assert run.status is RunStatus.SUCCEEDED
    notes = run.state.stages[""].notes
    warning = next(note.text for note in notes if note.level == "warning")
    assert warning.startswith("This run is not recorded from here on: No space left on device")


def test_the_oldest_runs_go_first_when_room_is_needed(tmp_path: Path) -> None:
    runs = make_runs(tmp_path, max_bytes=1)
    ids = []
    for number in range(3):
        run = work(runs, f"r{number}")
        runs.append(run, StatusData(status=RunStatus.SUCCEEDED))
        (tmp_path / run.run_id).rename(tmp_path / f"{number}")
        ids.append(f"{number}")
    removed = runs.archive.trim(1, keep={"1"})
    assert removed == ["0", "2"]
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_nothing_goes_while_there_is_room(tmp_path: Path) -> None:
    run = work(make_runs(tmp_path))
    assert Archive(tmp_path).trim(10**9, keep=set()) == []
    assert (tmp_path / run.run_id).exists()


async def test_only_a_few_ended_runs_stay_in_memory_and_others_are_folded_again(
    tmp_path: Path,
) -> None:
    runs = make_runs(tmp_path)
    made = []
    for number in range(8):
        run = work(runs, f"r{number}")
        runs.append(run, StatusData(status=RunStatus.SUCCEEDED))
        made.append(run)
    assert runs.loaded(made[0].run_id) is None
    again = await runs.load(made[0].run_id)
    assert again is not None
    assert again.state == made[0].state
    assert sum(runs.loaded(run.run_id) is not None for run in made) <= 4


def test_what_follows_the_end_of_a_run_is_dropped(tmp_path: Path) -> None:
    runs = make_runs(tmp_path)
    run = work(runs)
    runs.append(run, StatusData(status=RunStatus.CANCELLED))
    seq = run.seq
    runs.append(run, NoteData(text="late"))
    runs.append(run, StatusData(status=RunStatus.SUCCEEDED))
    assert (run.seq, run.status) == (seq, RunStatus.CANCELLED)


def test_an_author_has_a_start_time_because_pids_are_used_again() -> None:
    assert Author(pid=1, started_at=2.0) != Author(pid=1, started_at=3.0)


def test_reading_a_log_gives_the_events_that_were_written(tmp_path: Path) -> None:
    run = work(make_runs(tmp_path), notes=30)
    events = list(log.read_events(tmp_path / run.run_id / "log.jsonl"))
    assert [event.seq for event in events] == list(range(1, 32))
    assert fold(events) == run.state
