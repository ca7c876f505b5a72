"""What a run leaves: the description of its dataset and the file."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ray.data.extensions import ArrowTensorArray

from demo_server.data import source
from demo_server.embedding.model import packaged
from demo_server.experiments import embed
from demo_server.protocol.driver_messages import Emitted, Message
from demo_server.toolkit.context import Context
from demo_server.toolkit.result import batch_outcome, type_name
from demo_server.toolkit.sinks import parquet
from demo_server.toolkit.vectors import finite

# Ray warns of settings of its own when it reads its defaults.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")


def batch(first: int, vectors: np.ndarray[Any, Any]) -> pa.Table:
    ids = pa.array([str(first + i) for i in range(len(vectors))])
    return pa.table({"id": ids, "embedding": ArrowTensorArray.from_numpy(vectors)})


def context(directory: Path, said: list[Message]) -> Context:
    return Context(
        send=said.append,
        source=source.DatasetSource("nowhere"),
        model=str(packaged()),
        device="cpu",
        cpus=2,
        cores=2,
        gpus=0,
        directory=directory,
        own_head=True,
    )


def test_vectors_are_written_as_lists_that_any_reader_knows(tmp_path: Path) -> None:
    vectors = np.arange(24, dtype=np.float32).reshape(6, 4)
    path = tmp_path / "result.parquet"
    tables = [batch(0, vectors[:4]), batch(4, vectors[4:])]
    assert parquet.write_tables(tables, path) == path.stat().st_size
    table = pq.read_table(path)
    assert table.schema.field("embedding").type == pa.list_(pa.float32(), 4)
    assert (np.stack(table["embedding"].to_numpy()) == vectors).all()
    assert table["id"].to_pylist() == ["0", "1", "2", "3", "4", "5"]


def test_columns_are_written_in_the_types_that_the_files_have(tmp_path: Path) -> None:
    columns = {
        "words": pa.array(["a", None, "b", "a"]).dictionary_encode(),
        "small": pa.array(["a", None, "b", "a"]).cast(pa.dictionary(pa.int8(), pa.string())),
        "view": pa.array(["a", None, "b", "c"], pa.string_view()),
        "price": pa.array([Decimal("1.5"), None, None, Decimal("2.5")], pa.decimal32(5, 1)),
        "uuid": pa.array([bytes(range(16)), None, bytes(16), bytes(16)], pa.uuid()),
        "pairs": pa.array([[("k", 1)], None, [], []], pa.map_(pa.string(), pa.int64())),
        "size": pa.array(["low", "high", None, None]).cast(
            pa.dictionary(pa.int32(), pa.string(), ordered=True)
        ),
    }
    table = pa.table({"text": ["a", "b", "c", "d"], **columns})
    pq.write_table(table, tmp_path / "a.parquet")
    found = source.resolve(str(tmp_path / "a.parquet"))
    read = found.load().data.table
    path = tmp_path / "result.parquet"
    parquet.write_tables([read[:2], read[2:]], path, found.original_types)
    written, was = pq.read_table(path), pq.read_table(tmp_path / "a.parquet")
    # Of an order, the values alone know nothing; a list of keys and values is no map to Arrow.
    as_read = ["pairs", "size"]
    assert written.drop_columns(as_read).schema == was.drop_columns(as_read).schema
    assert written.drop_columns(as_read).to_pydict() == was.drop_columns(as_read).to_pydict()
    assert written["size"].to_pylist() == ["low", "high", None, None]
    assert written["pairs"].to_pylist() == [[{"key": "k", "value": 1}], None, [], []]


def test_more_values_than_a_dictionary_has_indices_for_are_written_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_here(function: Any, *arguments: Any) -> Any:
        return function(*arguments)

    class Blocks:
        def to_arrow_refs(self) -> list[pa.Table]:
            return [pa.table({"word": [f"word {number}" for number in range(200)]})]

    monkeypatch.setattr(parquet, "run_here", run_here)
    monkeypatch.setattr(parquet.ray, "get", lambda block: block)
    dataset: Any = Blocks()
    for index, kind in ((pa.int8(), pa.string()), (pa.int16(), None)):
        wanted = pa.dictionary(index, pa.string())
        parquet.write(dataset, tmp_path / "result.parquet", {"word": wanted})
        written = pq.read_table(tmp_path / "result.parquet")["word"]
        assert written.type == (kind or wanted)
        assert len(written) == 200


def test_a_write_that_fails_leaves_no_half_a_file(tmp_path: Path) -> None:
    def tables() -> Iterator[pa.Table]:
        yield batch(0, np.zeros((2, 4)))
        raise OSError(errno.ENOSPC, "No space left")

    with pytest.raises(OSError, match="No space left"):
        parquet.write_tables(tables(), tmp_path / "result.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_warning_and_no_failed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(dataset: Any, path: Path, types: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    said: list[Message] = []
    monkeypatch.setattr(parquet, "write", full)
    dataset: Any = None
    embed.save(dataset, tmp_path / "result.parquet", context(tmp_path, said))
    [note] = said
    assert isinstance(note, Emitted)
    assert (note.kind, note.stage) == ("note", "write")
    assert note.data.level == "warning"
    assert "The result could not be written: " in note.data.text
    assert "No space left on device" in note.data.text


def test_a_column_that_parquet_cannot_hold_is_named_before_the_work(tmp_path: Path) -> None:
    months = pa.schema([("text", pa.string()), ("age", pa.month_day_nano_interval())])
    reason = parquet.refusal(months, tmp_path / "result.parquet")
    assert reason == "column 'age' is month_day_nano_interval, which Parquet can't hold"
    assert parquet.refusal(months.remove(1), tmp_path / "result.parquet") is None
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there_is_named_before_the_work(tmp_path: Path) -> None:
    reason = parquet.refusal(pa.schema([]), tmp_path / "gone" / "result.parquet")
    assert reason == "result.parquet can't be made: No such file or directory"


def test_types_are_written_in_plain_form() -> None:
    tensor = batch(0, np.zeros((1, 384), dtype=np.float32)).schema.field("embedding").type
    names = {
        "float32[384]": tensor,
        "float32[8]": pa.list_(pa.float32(), 8),
        "float32": pa.float32(),
        "float64": pa.float64(),
        "int64[]": pa.list_(pa.int64()),
        "struct(role, turn)": pa.struct([("role", pa.string()), ("turn", pa.int8())]),
        "string": pa.dictionary(pa.int8(), pa.string()),
    }
    assert {name: type_name(kind) for name, kind in names.items()} == {name: name for name in names}


def test_vectors_of_numbers_are_distinguished_from_none_nan_and_infinity() -> None:
    vectors = [[1.0, 2.0], None, [np.nan, 1.0], [0.0, 0.0], [1.0, np.inf], [3.0, None]]
    for kind in (pa.list_(pa.float32(), 2), pa.list_(pa.float64()), pa.list_(pa.float16(), 2)):
        found = finite(pa.array(vectors, kind))
        assert found.tolist() == [True, False, False, True, False, False]
    assert finite(pa.array([], pa.list_(pa.float32(), 2))).tolist() == []
    assert finite(pa.array([1.0, 2.0])).tolist() == [False, False]
    assert finite(pa.array([["a"]])).tolist() == [False]


def test_one_batch_is_described_by_its_schema() -> None:
    table = pa.table(
        {
            "text": ["a", "b"],
            "n": [1, 2],
            "embedding": pa.array(np.zeros((2, 8)).tolist(), pa.list_(pa.float32(), 8)),
        }
    )
    result = batch_outcome(table, "text", 1.5)
    assert [(c.name, c.type) for c in result.columns] == [
        ("text", "string"),
        ("n", "int64"),
        ("embedding", "float32[8]"),
    ]
    assert result.rows == 2
    assert [row.text for row in result.first_rows] == ["a", "b"]


@pytest.mark.parametrize(
    ("device", "gpus", "actors", "share"),
    [
        ("cpu", 0, 2, 0),
        ("mps", 0, 1, 0),
        ("cuda", 1, 1, 1),
        ("cuda", 1, 4, 0.25),
        ("cuda", 4, 2, 1),
    ],
)
def test_actors_share_the_devices_that_ray_counts(
    tmp_path: Path, device: Any, gpus: float, actors: int, share: float
) -> None:
    asked = context(tmp_path, [])
    asked.device, asked.gpus = device, gpus
    assert asked.gpus_per_actor(actors) == share


def test_actors_share_the_cores(tmp_path: Path) -> None:
    asked = context(tmp_path, [])
    asked.cores = 8
    assert [asked.embedder(actors=actors)["threads"] for actors in (1, 4, 16)] == [8, 2, 1]


def test_a_stage_is_over_with_its_block(tmp_path: Path) -> None:
    said: list[Message] = []
    asked = context(tmp_path, said)
    with asked.staged("first"):
        asked.note("one")
    asked.note("two")
    assert [(m.stage, m.data.text) for m in said if isinstance(m, Emitted)] == [
        ("first", "one"),
        (None, "two"),
    ]
