"""The rows that a slide shows of a batch."""

from __future__ import annotations

import base64
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from demo_server.protocol.events import Row
from demo_server.toolkit.sample import MAX_TEXT, preview, row_of, sample_batch, sample_row

FLOATS = st.floats(-1e6, 1e6, width=32)


@given(st.lists(FLOATS, min_size=1, max_size=64))
@example([1e-45])
def test_a_preview_is_within_half_a_step_of_the_vector(values: list[float]) -> None:
    vector = np.array(values, dtype=np.float32)
    packed = preview(vector)
    restored = np.frombuffer(base64.b64decode(packed["embedding"]), np.int8) * packed["scale"]
    assert np.abs(restored - vector).max() <= packed["scale"] * 0.5001 + 1e-12
    assert packed["norm"] == pytest.approx(float(np.linalg.norm(vector)), rel=1e-5)
    assert packed["dim"] == len(values)


def test_a_vector_with_nan_and_infinity_still_makes_a_row_of_the_protocol() -> None:
    row = sample_row({"id": 1, "text": "a", "embedding": np.array([np.nan, np.inf, 1.0])}, 0)
    assert Row.model_validate(row).norm == 1.0


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8),
        st.one_of(st.text(max_size=400), st.integers(), st.floats(), st.none(), st.booleans()),
    )
)
def test_any_row_of_scalars_makes_a_row_of_the_protocol(values: dict[str, object]) -> None:
    row = Row.model_validate_json(Row.model_validate(sample_row(values, 3)).model_dump_json())
    assert len(row.text) <= MAX_TEXT


def test_text_is_the_named_column_or_guessed() -> None:
    values = {"id": "7", "title": "a title", "text": "a text", "review": "a review"}
    assert sample_row(values, 0)["text"] == "a text"
    assert sample_row(values, 0, "review")["text"] == "a review"
    del values["text"]
    assert sample_row(values, 0)["text"] == "a title"


def test_rows_are_spread_over_the_batch_and_numbered_where_they_have_no_id() -> None:
    batch = {"text": np.array([f"row {i}" for i in range(100)], dtype=object)}
    rows = sample_batch(batch, 4, offset=1000)
    assert [row["id"] for row in rows] == ["1000", "1025", "1050", "1075"]
    assert [row["text"] for row in rows] == ["row 0", "row 25", "row 50", "row 75"]


def test_a_table_gives_the_rows_that_its_columns_give() -> None:
    columns = {"text": [f"row {i}" for i in range(100)], "n": list(range(100))}
    assert sample_batch(pa.table(columns), 4) == sample_batch(columns, 4)


def test_a_value_that_python_has_not_is_shown_by_its_type_and_the_others_as_they_are() -> None:
    far = pa.array([2**30, 0], pa.int32()).cast(pa.date32())
    table = pa.table({"text": ["a", "b"], "day": far})
    first, second = (row_of(table, number) for number in range(2))
    assert first == {"text": "a", "day": "<date32[day]>"}
    assert second == {"text": "b", "day": date(1970, 1, 1)}


def test_values_that_a_browser_would_round_or_that_json_lacks_are_shown_as_text() -> None:
    row = sample_row(
        {"text": "a", "n": 2**53 + 1, "day": date(2026, 1, 2), "price": Decimal("0.10")}, 0
    )
    assert row["columns"] == {"n": "9007199254740993", "day": "2026-01-02", "price": "0.10"}


def test_a_batch_smaller_than_the_sample_gives_each_row_once() -> None:
    assert [row["id"] for row in sample_batch({"id": ["a", "b"], "text": ["", ""]}, 4)] == [
        "a",
        "b",
    ]
    assert sample_batch({"text": []}, 4) == []


def test_columns_that_are_not_scalars_are_left_out() -> None:
    row = sample_row({"text": "t", "label": np.int64(3), "tags": ["a"], "score": float("nan")}, 0)
    assert row["columns"] == {"label": 3}
