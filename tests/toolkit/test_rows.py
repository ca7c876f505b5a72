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
from demo_server.toolkit.rows import load_rows


def test_how_rows_were_read_and_which_were_dropped_is_noted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache"))
    pairs = pa.array([[("k", 1)]] * 3, pa.map_(pa.string(), pa.int64()))
    pq.write_table(pa.table({"text": ["a", None, " "], "pairs": pairs}), tmp_path / "a.parquet")
    said: list[Message] = []
    context = Context(
        send=said.append,
        source=source.resolve(str(tmp_path / "a.parquet")),
        model="",
        device="cpu",
        cpus=2,
        cores=2,
        gpus=0,
        directory=tmp_path,
        own_head=True,
    )
    assert load_rows(context)["text"][:] == ["a"]
    texts = [message.data.text for message in said if isinstance(message.data, NoteData)]
    assert len(texts) == 2
    assert texts[0].startswith("Column 'pairs' is left out: ")
    assert texts[1] == "1 rows kept, 1 without a value dropped, 1 empty ones dropped"
