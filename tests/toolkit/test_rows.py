"""What a run says of the rows that it takes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo_server.data import source
from demo_server.protocol.driver_messages import Message
from demo_server.protocol.events import NoteData
from demo_server.toolkit.context import Context
from demo_server.toolkit.rows import NOTES, load_chosen, load_rows, note_reading


def context(said: list[Message], path: Path) -> Context:
    return Context(
        send=said.append,
        source=source.resolve(str(path)),
        model="",
        device="cpu",
        cpus=2,
        cores=2,
        gpus=0,
        directory=path.parent,
        own_head=True,
    )


def notes(said: list[Message]) -> list[str]:
    return [message.data.text for message in said if isinstance(message.data, NoteData)]


def test_how_rows_were_read_and_which_were_dropped_is_noted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache"))
    columns = [pa.array(["a", None, " "]), pa.nulls(3), pa.nulls(3)]
    pq.write_table(pa.table(columns, ["text", "twice", "twice"]), tmp_path / "a.parquet")
    said: list[Message] = []
    assert load_rows(context(said, tmp_path / "a.parquet"))["text"][:] == ["a"]
    texts = notes(said)
    assert len(texts) == 2
    assert texts[0].startswith("Column 'twice' is left out: ")
    assert texts[1] == "1 rows kept, 1 without a value dropped, 1 empty ones dropped"


def test_more_notes_than_a_slide_has_place_for_are_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache"))
    pairs = pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))
    table = pa.table({"text": ["a"], **{f"c{number}": pairs for number in range(30)}})
    pq.write_table(table, tmp_path / "a.parquet")
    said: list[Message] = []
    note_reading(context(said, tmp_path / "a.parquet"))
    texts = notes(said)
    assert len(texts) == 21
    assert texts[-1].startswith("10 more notes on how the data was read: all are in ")
    lines = (tmp_path / NOTES).read_text().splitlines()
    assert lines[:20] == texts[:20]
    assert len(lines) == 30
    (tmp_path / NOTES).unlink()
    (tmp_path / NOTES).mkdir()
    note_reading(context(said, tmp_path / "a.parquet"))
    assert notes(said)[-1] == (
        "10 more notes on how the data was read could not be written: Is a directory"
    )


def test_a_column_that_is_added_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache"))
    said: list[Message] = []
    (tmp_path / "a.csv").write_text("text\na\nb\n")
    assert load_chosen(context(said, tmp_path / "a.csv"))["id"][:] == ["0", "1"]
    assert notes(said) == [
        "Column 'id' is not the data's: it numbers the rows that have a text, from 0."
    ]
    (tmp_path / "b.csv").write_text("text,id\na,7\nb,7\n")
    assert load_chosen(context(said, tmp_path / "b.csv"), 1)["id"][:] == [7]
    assert len(notes(said)) == 1
