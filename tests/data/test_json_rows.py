"""JSON and JSON Lines: texts stay texts, keys may come late, and rows are where they lie."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st

from demo_server.data import json_files, source
from demo_server.data.source_error import SourceError

Write = Callable[[str, "str | bytes | pa.Table"], Path]

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
    | st.just("2024-01-01"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)


def without_nulls(value: Any) -> Any:
    """Return a value without the keys that have none, which a table has in every row."""
    if isinstance(value, dict):
        found = {key: without_nulls(inner) for key, inner in value.items()}
        return {key: inner for key, inner in found.items() if inner not in (None, {})}
    if isinstance(value, list):
        return [without_nulls(inner) for inner in value]
    return value


@given(
    st.lists(
        st.fixed_dictionaries({"text": st.text()}, optional={"x": VALUES, "y": VALUES}), min_size=1
    ),
    st.sampled_from(["a.jsonl", "a.json"]),
    st.integers(1, 3),
)
def test_every_value_comes_back_or_is_kept_as_json_and_said(
    rows: list[dict[str, Any]], name: str, batch: int
) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_files, "BATCH_OBJECTS", batch)
        path = Path(place) / name
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_text(lines if name == "a.jsonl" else json.dumps(rows))
        read = source.resolve(str(path))
        found = read.load()
    assert read.rows == read.in_file == len(rows)
    assert found["text"][:] == [row["text"] for row in rows]
    for column in set(found.column_names) - {"text"}:
        kept = any(note.startswith(f"Column {column!r}") for note in read.notes)
        for row, value in zip(rows, found[column], strict=True):
            was = row.get(column)
            if kept and value is not None:
                assert json.loads(value) == was
            elif not isinstance(was, dict | list):
                assert value == was or (was == {} and value is None)
            else:
                assert without_nulls(value) == without_nulls(was)


def texts(path: Path, text_column: str | None = None) -> list[str | None]:
    found = source.resolve(str(path), text_column)
    return list(found.load()[found.text_column])


def refused(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        source.resolve(str(path))
    return caught.value


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_texts_that_look_like_dates_are_texts(write: Write) -> None:
    days = ["2024-01-01", "2024-01-02T10:00:00Z"]
    assert texts(write("a.jsonl", lines(*({"text": day} for day in days)))) == days


def test_a_key_that_comes_late_is_a_column(write: Write) -> None:
    rows = [{"text": f"{n}"} for n in range(5000)] + [{"text": "last", "more": {"a": [1]}}]
    found = source.resolve(str(write("a.jsonl", lines(*rows)))).load()
    assert found[0] == {"text": "0", "more": None}
    assert found[5000] == {"text": "last", "more": {"a": [1]}}


def test_a_column_of_several_types_is_kept_as_json_and_said(write: Write) -> None:
    path = write("a.jsonl", lines({"text": "a", "id": 1}, {"text": "b", "id": "x"}))
    found = source.resolve(str(path))
    assert found.load()["id"][:] == ["1", '"x"']
    assert found.notes[0].startswith("Column 'id' holds text in some rows and other things in")
    assert "kept as JSON" in found.notes[0]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([{}, {}], "objects without keys, which Parquet has no type for: row 0 is '{}'"),
        ([None, [{}]], "objects without keys, which Parquet has no type for: row 1 is '[{}]'"),
        ([0.5, 2**60 + 1], "values that have no type in common: row 0 is '0.5'"),
        ([[1], {"a": 1}], "values that have no type in common: row 0 is '[1]'"),
    ],
)
def test_why_a_column_is_kept_as_json_is_noted(write: Write, values: list[Any], said: str) -> None:
    rows = [{"text": "a", "x": value} for value in values]
    found = source.resolve(str(write("a.jsonl", lines(*rows))))
    assert found.notes == (f"Column 'x' holds {said}. It is kept as JSON.",)
    kept = [value and json.loads(value) for value in found.load()["x"]]
    assert kept == values


def test_the_texts_of_several_types_are_refused_with_the_first_that_is_none(write: Write) -> None:
    for rows in ([{"text": "a"}] * 3000, [{"text": None}] * 3000):
        path = write("a.jsonl", lines(*rows, {"text": 3}, {"text": "b", "title": "c"}))
        assert "row 3000 is '3'" in refused(path).message


@pytest.mark.parametrize(
    "content",
    [
        {"version": "1", "data": [{"text": "a"}, {"text": "b"}]},
        {"about": {"names": ["x"], "rows": [{"text": "a"}, {"text": "b"}]}},
    ],
)
def test_rows_that_lie_inside_an_object_are_found_and_said(write: Write, content: Any) -> None:
    found = source.resolve(str(write("a.json", json.dumps(content))))
    assert found.load()["text"][:] == ["a", "b"]
    assert "The rows of a.json are the 2 objects of " in found.notes[0]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_key_that_comes_twice_in_an_object_is_noted(write: Write, name: str) -> None:
    row = '{"text": "a", "n": {"x": 1, "x": 2}}'
    found = source.resolve(str(write(name, row if name == "a.jsonl" else f"[{row}]")))
    assert found.load()["n"][:] == [{"x": 2}]
    said = f"{name} has key 'x' twice in one object: the last value is read."
    assert found.notes == (said,)


def test_several_lists_of_objects_are_refused_with_a_remedy_that_works(write: Write) -> None:
    content = {"train": [{"text": "a"}], "test": [{"text": "b"}]}
    error = refused(write("a.json", json.dumps(content)))
    assert error.message == "a.json has several lists of objects: train, test."
    assert "a file of its own" in str(error.remedy)
    assert texts(write("b.json", json.dumps(content["train"]))) == ["a"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("document.jsonl", '[{"text": "a"},\n{"text": "b"}]'),
        ("strings.json", '["a", "b"]'),
        ("columns.json", '{"text": ["a", "b"]}'),
        ("pandas.json", '{"text": {"0": "a", "1": "b"}}'),
        ("lines.json", '{"text": "a"}\n{"text": "b"}\n'),
        ("strings.jsonl", '"a"\n"b"\n'),
        ("bom.jsonl", '\ufeff{"text": "a"}\n\n{"text": "b"}'),
        ("bom.json", '\ufeff[{"text": "a"}, {"text": "b"}]'),
        ("crlf.jsonl", '{"text": "a"}\r\n{"text": "b"}\r\n'),
        ("a.jsonl.gz", gzip.compress(b'{"text": "a"}\n{"text": "b"}\n')),
    ],
)
def test_rows_are_found_in_each_form_of_json(write: Write, name: str, content: str | bytes) -> None:
    found = source.resolve(str(write(name, content)))
    assert found.load().to_dict() == {"text": ["a", "b"]}
    # The columns of an object have no rows that could be counted in another way.
    assert found.in_file == (None if name in ("columns.json", "pandas.json") else 2)


@given(st.lists(VALUES), st.sampled_from((None, 1, "\t")))
def test_the_values_of_a_list_are_counted_without_reading_them(
    values: list[Any], indent: int | str | None
) -> None:
    for escaped in (True, False):
        document = json.dumps(values, indent=indent, ensure_ascii=escaped).encode()
        assert json_files.count_values(document) == len(values)


@pytest.mark.parametrize("tricky", ["\\", '"', '\\"', '\\\\",[', "a,b]}", "{[", "\\\\"])
def test_brackets_commas_and_escapes_in_a_text_count_nothing(tricky: str) -> None:
    rows = [{"text": tricky, tricky: [1, [2, 3]]}, {"text": "b", "o": {"p": {}}}]
    assert json_files.count_values(json.dumps(rows).encode()) == 2
    assert json_files.count_values(f"\ufeff {json.dumps([tricky])} \n".encode()) == 1
    assert json_files.count_values(b" [ \r\n\t] ") == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b'{"text": "a"}\n{"text": "b"\n', "line 2 is not JSON"),
        ("a.jsonl", b'{"text": "a"}\n[1]\n', "line 2 is [1], and not an object"),
        ("a.jsonl", b'{"text": "a"}\n{"text": "caf\xe9"}\n', "not UTF-8: line 2"),
        ("a.jsonl", '{"text": "a"}\n'.encode("utf-16"), "is UTF-16"),
        ("a.jsonl", b'{"text": "\\ud83d"}\n', "'text' of a.jsonl holds half of a character"),
        ("a.json", b'[{"text": "a"}', "it is not JSON"),
        ("a.json", b"3", "a.json is 3, and not an object"),
        ("a.jsonl", b'{"a":' * 100_000, "line 1 is not JSON"),
        ("a.json", b"[" * 100_000, "it is not JSON"),
    ],
)
def test_a_line_that_is_not_a_row_is_refused_with_its_place(
    write: Write, name: str, content: bytes, said: str
) -> None:
    error = refused(write(name, content))
    assert said in error.message
    assert str(error.remedy).endswith(".")


def test_the_code_for_another_machine_names_where_the_rows_lie(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {"version": "1", "data": [{"text": "a"}, {"text": "b"}]}
    found = source.resolve(str(write("a.json", json.dumps(content))))
    monkeypatch.chdir(tmp_path)
    there = eval(f"load_dataset({found.arguments}, cache_dir='hf')", {"load_dataset": load_dataset})
    assert there["text"][:] == ["a", "b"]
