"""What a recording keeps of a run's log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_server.protocol.driver_messages import Descriptions
from demo_server.protocol.errors import BrokenLogError
from demo_server.protocol.event_kinds import event
from demo_server.protocol.events import Event
from demo_server.runs import fold, log, recording
from demo_server.runs.log import Author, Header, RunLog
from demo_server.scheduling.experiments import Experiments
from tests.support.fakes import description

INFO = Experiments(Descriptions(experiments=[description("embed")])).infos[0]
HEADER = Header(
    run_id="r1",
    request_id="secret-request",
    experiment="embed",
    params={"rows": 3},
    started_at=0.0,
    date="2026-11-21T12:00:00+00:00",
    machine={
        "system": "Linux",
        "release": "6",
        "machine": "x86_64",
        "cpus": 2,
        "memory_bytes": 1,
    },
    versions={"ray": "1"},
    dataset="/home/someone/talks/texts.parquet",
    model="default",
    code_hash="abc",
    author=Author(pid=1, started_at=0.0),
)


def made(kind: str, t: int, data: dict[str, Any], stage: str | None = None) -> Event:
    return event.validate_python({"seq": 1, "t": t, "kind": kind, "stage": stage, "data": data})


def progress(t: int, rows: int, stage: str | None = None) -> Event:
    return made("progress", t, {"rows": rows, "total": 100}, stage)


END = made("status", 10_000, {"status": "succeeded"})


def test_of_progress_within_a_window_the_last_of_each_stage_is_kept() -> None:
    events = [progress(0, 1), progress(40, 2, "b"), progress(49, 3), progress(50, 4), END]
    kept = recording.thin(events, 50)
    shown = [(e.stage, e.data.rows) for e in kept if e.kind == "progress"]
    assert shown == [("b", 2), (None, 3), (None, 4)]
    assert [e.seq for e in kept] == [1, 2, 3, 4]
    assert kept[-1].kind == "status"


def test_what_happens_once_is_never_thinned() -> None:
    note = made("note", 1, {"text": "dropped 3 rows"})
    assert [e.kind for e in recording.thin([note, note, END], 60_000)] == ["note", "note", "status"]


@given(st.lists(st.tuples(st.integers(0, 900), st.sampled_from([None, "a"])), max_size=40))
def test_thinned_events_fold_to_the_same_end(changes: list[tuple[int, str | None]]) -> None:
    events: list[Event] = [
        progress(t, row, stage)
        for row, (t, stage) in enumerate(sorted(changes, key=lambda c: c[0]))
    ]
    whole = fold.fold(e.model_copy(update={"seq": i}) for i, e in enumerate([*events, END], 1))
    thinned = fold.fold(recording.thin([*events, END], 100))
    assert {name: s.progress for name, s in thinned.stages.items()} == {
        name: s.progress for name, s in whole.stages.items()
    }
    assert thinned.status == whole.status


def test_a_recording_is_thinned_only_as_far_as_its_size_asks_for() -> None:
    events = [*(progress(t, t) for t in range(0, 10_000, 50)), END]
    roomy = recording.compact("{}", events, 1_000_000)
    tight = recording.compact("{}", events, 5_000)
    assert roomy.count("\n") == 202
    assert len(tight.encode()) <= 5_000
    assert json.loads(tight.splitlines()[-1])["kind"] == "status"


def test_a_recording_that_cannot_be_made_small_enough_is_refused() -> None:
    notes = [made("note", 0, {"text": "x" * 1000}) for _ in range(10)]
    with pytest.raises(BrokenLogError, match="record fewer rows"):
        recording.compact("{}", [*notes, END], 5_000)


def test_a_log_becomes_a_file_of_the_deck_that_does_not_identify_the_machine(
    tmp_path: Path,
) -> None:
    written = RunLog(tmp_path / "run", HEADER)
    written.append(END.model_dump_json())
    written.close()
    path = recording.record(tmp_path / "run" / log.NAME, INFO, tmp_path / "recordings")
    text = path.read_text()
    assert path.name == "embed.jsonl"
    assert "someone" not in text
    assert "secret-request" not in text
    header = recording.RecordingHeader.model_validate_json(text.splitlines()[0])
    assert header.dataset == "texts.parquet"
    assert header.experiment == INFO
    assert json.loads((path.parent / recording.INDEX).read_text()) == ["embed"]
