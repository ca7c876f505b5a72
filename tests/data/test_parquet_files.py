"""Parquet is read as pyarrow reads it, cell by cell; what isn't, is said."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from demo_server.data import source
from demo_server.data.source_error import SourceError

Write = Callable[[str, "str | bytes | pa.Table"], Path]

# Which takes minutes for a table.
WITHOUT_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
INTEGERS = st.integers(-(2**31), 2**31 - 1)
LEAVES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.null(): st.none(),
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-128, 127),
    pa.uint32(): st.integers(0, 2**32 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float16(): st.floats(width=16),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.string(): st.text(max_size=5),
    pa.large_string(): st.text(max_size=5),
    pa.binary(): st.binary(max_size=5),
    pa.large_binary(): st.binary(max_size=5),
    pa.binary(3): st.binary(min_size=3, max_size=3),
    pa.date32(): st.integers(-700_000, 2_000_000),
    pa.time32("s"): st.integers(0, 86_399),
    pa.time64("us"): st.integers(0, 86_399_999_999),
    pa.timestamp("us"): INTEGERS,
    pa.timestamp("ms", tz="Europe/Vienna"): INTEGERS,
    pa.timestamp("ns", tz="+02:00"): INTEGERS,
    pa.duration("us"): INTEGERS,
    pa.decimal32(9, 2): st.integers(-(10**9) + 1, 10**9 - 1).map(lambda n: Decimal(n).scaleb(-2)),
    pa.decimal64(12, 2): INTEGERS.map(lambda n: Decimal(n).scaleb(-2)),
    pa.decimal128(12, 2): INTEGERS.map(lambda n: Decimal(n).scaleb(-2)),
    pa.decimal256(50, 3): INTEGERS.map(lambda n: Decimal(n).scaleb(-3)),
    pa.dictionary(pa.int32(), pa.string()): st.sampled_from(["a", "b", "c"]),
    pa.dictionary(pa.int8(), pa.string(), ordered=True): st.sampled_from(["low", "high"]),
}
KNOWN_LEAVES = st.sampled_from(list(LEAVES))
KINDS = st.recursive(
    KNOWN_LEAVES,
    lambda inner: (
        inner.map(pa.list_)
        | inner.map(pa.large_list)
        | inner.map(lambda kind: pa.list_(kind, 2))
        | inner.map(lambda kind: pa.map_(pa.string(), kind))
        | st.lists(inner, min_size=1, max_size=3).map(
            lambda kinds: pa.struct([(f"f{n}", kind) for n, kind in enumerate(kinds)])
        )
    ),
    max_leaves=4,
)


def values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Values of a type, and nulls."""
    found: st.SearchStrategy[Any]
    if kind in LEAVES:
        found = LEAVES[kind]
    elif pa.types.is_struct(kind):
        found = st.fixed_dictionaries({one.name: values(one.type) for one in kind})
    elif pa.types.is_map(kind):
        found = st.lists(st.tuples(st.text(max_size=2), values(kind.item_type)), max_size=2)
    elif pa.types.is_fixed_size_list(kind):
        found = st.lists(values(kind.value_type), min_size=2, max_size=2)
    else:
        found = st.lists(values(kind.value_type), max_size=3)
    return st.none() | found


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(1, 12))
    columns: dict[str, pa.Array] = {"text": pa.array([f"text {n}" for n in range(rows)])}
    for number, kind in enumerate(draw(st.lists(KINDS, max_size=4))):
        cells = draw(st.lists(values(kind), min_size=rows, max_size=rows))
        columns[f"c{number}"] = pa.array(cells, kind)
    return pa.table(columns)


def as_pyarrow_reads(files: Iterable[pq.ParquetFile]) -> pa.Table:
    """Return the rows of all files, a row group at a time: it can't read several with a nested
    dictionary."""
    return pa.concat_tables(
        file.read_row_group(group) for file in files for group in range(file.num_row_groups)
    )


def with_pairs(value: Any, kind: pa.DataType) -> Any:
    """Return a value of a type with lists of keys and values in place of maps."""
    if value is None:
        return None
    if pa.types.is_map(kind):
        return [{"key": key, "value": with_pairs(v, kind.item_type)} for key, v in value]
    if pa.types.is_struct(kind):
        return {one.name: with_pairs(value[one.name], one.type) for one in kind}
    if pa.types.is_nested(kind):
        return [with_pairs(inner, kind.value_type) for inner in value]
    return value


@settings(suppress_health_check=[HealthCheck.too_slow], phases=WITHOUT_SHRINKING)
@given(tables(), st.integers(1, 5), st.integers(0, 12))
def test_every_column_is_as_pyarrow_reads_it_or_left_out_and_said(
    table: pa.Table, row_group: int, cut: int
) -> None:
    with tempfile.TemporaryDirectory() as place:
        for number, part in enumerate((table[:cut], table[cut:])):
            pq.write_table(part, f"{place}/train-{number}.parquet", row_group_size=row_group)
        read = source.resolve(place, "text")
        ours = read.load().data.table
        expected = as_pyarrow_reads(
            pq.ParquetFile(f"{place}/train-{number}.parquet") for number in (0, 1)
        )
    assert read.in_file == read.rows == len(table)
    for name in expected.column_names:
        said = [note for note in read.notes if f"{name!r}" in note]
        if name not in ours.column_names:
            assert "left out" in said[0]
            continue
        was, became = expected.column(name), ours.column(name)
        pairs = [with_pairs(value, was.type) for value in was.to_pylist()]
        assert repr(became.to_pylist()) == repr(pairs)
        assert bool(said) == (became.type != was.type), (was.type, said)


def refused(path: Path, text_column: str | None = None) -> SourceError:
    with pytest.raises(SourceError) as caught:
        source.resolve(str(path), text_column)
    return caught.value


def shards(write: Write, *tables: pa.Table) -> Path:
    paths = [write(f"d/train-{n}.parquet", table) for n, table in enumerate(tables)]
    return paths[0].parent


def test_a_shard_of_no_rows_adds_none(write: Write) -> None:
    table = pa.table({"text": ["a", "b"], "n": [1, 2]})
    directory = shards(write, table[:0], table, table[:0])
    resolved = source.resolve(str(directory))
    assert (resolved.rows, resolved.in_file, resolved.notes) == (2, 2, ())
    assert resolved.load()["text"][:] == ["a", "b"]


def test_a_column_without_values_in_one_shard_has_the_type_of_the_other(write: Write) -> None:
    directory = shards(
        write,
        pa.table({"text": ["a"], "label": pa.nulls(1), "n": pa.array([1], pa.int32())}),
        pa.table({"text": ["b"], "label": ["x"], "n": [2**60]}),
    )
    resolved = source.resolve(str(directory))
    assert resolved.load().to_dict() == {"text": ["a", "b"], "label": [None, "x"], "n": [1, 2**60]}
    said = "Column 'label' is read as string; it is null in train-0.parquet and string in train-1"
    assert any(note.startswith(said) for note in resolved.notes)


def test_a_column_that_a_shard_lacks_has_no_values_there_and_that_is_said(write: Write) -> None:
    directory = shards(write, pa.table({"text": ["a"]}), pa.table({"more": [[1]], "text": ["b"]}))
    resolved = source.resolve(str(directory))
    assert resolved.load().to_dict() == {"text": ["a", "b"], "more": [None, [1]]}
    assert "'more' is in 1 of 2 files, such as train-1.parquet" in resolved.notes[0]


def test_a_column_whose_types_have_none_in_common_is_left_out_or_refused_with_both(
    write: Write,
) -> None:
    directory = shards(
        write, pa.table({"text": ["a"], "n": [1]}), pa.table({"text": ["b"], "n": ["x"]})
    )
    resolved = source.resolve(str(directory))
    assert resolved.columns == ("text",)
    said = "Column 'n' holds int64 in train-0.parquet, and string in train-1.parquet."
    assert resolved.notes == (f"Column 'n' is left out: {said}",)
    assert refused(directory, "n").message == said
    write("d/train-1.parquet", pa.table({"text": [1], "n": [1]}))
    assert "holds string in train-0.parquet" in refused(directory).message


def test_integers_that_no_float_is_are_not_made_floats(write: Write) -> None:
    for number, said in ((2**53 + 1, "can't be read as double"), (2**53, None)):
        directory = shards(
            write, pa.table({"text": ["a"], "n": [number]}), pa.table({"text": ["b"], "n": [0.5]})
        )
        if said:
            assert said in refused(directory).message
        else:
            assert source.resolve(str(directory)).load()["n"][:] == [float(2**53), 0.5]


def test_two_columns_of_one_name_are_refused_as_texts_and_else_left_out(write: Write) -> None:
    twice = pa.table([pa.array(["a"])] * 2, names=["text", "text"])
    error = refused(write("a.parquet", twice))
    assert error.message == "a.parquet has several columns named 'text'."
    others = pa.table([pa.array(["a"]), pa.array([1]), pa.array([2])], names=["text", "n", "n"])
    resolved = source.resolve(str(write("b.parquet", others)))
    assert resolved.columns == ("text",)
    assert "'n' is left out" in resolved.notes[0]


def test_an_extension_type_is_read_as_it_is_stored_and_that_is_said(write: Write) -> None:
    uuids = pa.array([bytes(range(16))], pa.uuid())
    nested = pa.StructArray.from_arrays([uuids], names=["id"])
    table = pa.table({"text": ["a"], "uuid": uuids, "nested": nested})
    resolved = source.resolve(str(write("a.parquet", table)))
    expected = {"text": ["a"], "uuid": [bytes(range(16))], "nested": [{"id": bytes(range(16))}]}
    assert resolved.load().to_dict() == expected
    assert "it is extension<arrow.uuid> in a.parquet" in resolved.notes[0]


@pytest.mark.parametrize(
    "texts",
    [
        pa.array(["a", None, "b"], pa.large_string()),
        pa.array(["a", None, "b"], pa.string_view()),
        pa.array(["a", None, "b"]).dictionary_encode(),
        pa.ExtensionArray.from_storage(pa.json_(), pa.array(["a", None, "b"])),
    ],
    ids=["large_string", "string_view", "dictionary", "json"],
)
def test_texts_may_be_of_any_type_of_strings(write: Write, texts: pa.Array) -> None:
    resolved = source.resolve(str(write("a.parquet", pa.table({"text": texts}))))
    assert resolved.load()["text"][:] == ["a", None, "b"]


def test_names_of_columns_may_have_dots_and_spaces_or_be_empty(write: Write) -> None:
    columns = {"a.b": [1], "a": [{"b": 2}], "": [3], "a b/c": [4], "text": ["x"]}
    resolved = source.resolve(str(write("a.parquet", pa.table(columns))))
    assert resolved.load().to_dict() == columns


def test_the_names_of_classes_are_kept(tmp_path: Path) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    dataset = Dataset.from_dict({"text": ["a"], "label": [1]}, features=features)
    dataset.to_parquet(str(tmp_path / "a.parquet"))
    assert source.resolve(str(tmp_path / "a.parquet")).load().features == features


def test_the_keys_of_a_partitioned_directory_are_columns(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b", "c"], "lang": ["en", "de/at", None], "year": [1, 2, 2]})
    pq.write_to_dataset(table, str(tmp_path / "d"), partition_cols=["lang", "year"])
    resolved = source.resolve(str(tmp_path / "d"))
    rows = sorted(resolved.load(), key=lambda row: str(row["text"]))
    assert rows == table.to_pylist()
    assert any(note.startswith("Column 'lang' comes from the names of") for note in resolved.notes)
