"""The cleaning step: what goes, what stays, in which order, and what is refused."""

from __future__ import annotations

import pyarrow as pa
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from hypothesis import given
from hypothesis import strategies as st

from demo_server.data.cleaning import LONG_TEXT, Cleaned, CleaningError, drop_empty

Texts = st.lists(st.none() | st.text(max_size=8) | st.sampled_from([" ", "\n\t", "\u3000", "a"]))


def dataset_of(texts: list[str | None]) -> Dataset:
    table = pa.table({"n": list(range(len(texts))), "text": pa.array(texts, pa.string())})
    return Dataset(table)


def is_blank(text: str) -> bool:
    return not text.strip()


@given(Texts)
def test_every_row_is_kept_or_counted_and_the_order_stays(texts: list[str | None]) -> None:
    expected = [n for n, text in enumerate(texts) if text is not None and not is_blank(text)]
    if not expected:
        with pytest.raises(CleaningError, match="holds text"):
            drop_empty(dataset_of(texts), "text")
        return
    cleaned, counts = drop_empty(dataset_of(texts), "text")
    assert cleaned["n"][:] == expected
    assert cleaned["text"][:] == [texts[n] for n in expected]
    assert counts.kept == len(expected)
    assert counts.null == texts.count(None)
    assert counts.kept + counts.dropped == len(texts)


@given(Texts.filter(lambda texts: any(t and not is_blank(t) for t in texts)))
def test_cleaning_twice_changes_nothing(texts: list[str | None]) -> None:
    once, _ = drop_empty(dataset_of(texts), "text")
    twice, counts = drop_empty(once, "text")
    assert counts == Cleaned(kept=len(once))
    assert twice["text"][:] == once["text"][:]


def test_emoji_right_to_left_and_long_rows_come_through_unchanged() -> None:
    texts: list[str | None] = ["👩🏽‍🚀 🇺🇳", "שלום עולם", "مرحبا بالعالم", "é" * 100_000, "\u200f"]
    cleaned, counts = drop_empty(dataset_of(texts), "text")
    assert cleaned["text"][:] == texts
    assert counts.long == 1
    assert "may read only a part" in str(counts)


def test_a_text_of_the_limit_is_not_called_long() -> None:
    _, counts = drop_empty(dataset_of(["a" * LONG_TEXT]), "text")
    assert counts.long == 0


def test_dropped_rows_are_reported_in_a_sentence() -> None:
    _, counts = drop_empty(dataset_of(["a", None, None, "  "]), "text")
    said = "1 rows kept, 2 without a value dropped, 1 empty ones dropped"
    assert str(counts) == said


def test_a_shuffled_dataset_keeps_its_shuffled_order() -> None:
    shuffled = dataset_of([str(n) for n in range(50)]).shuffle(seed=3)
    cleaned, _ = drop_empty(shuffled, "text")
    assert cleaned["n"][:] == shuffled["n"][:]


def test_the_other_columns_keep_their_features() -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    dataset = Dataset.from_dict({"text": ["a", None], "label": [1, 0]}, features=features)
    cleaned, _ = drop_empty(dataset, "text")
    assert cleaned.features == features


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (pa.array([None, 3]), "row 1 is '3'"),
        (pa.array([["a"]]), "holds list"),
        (pa.array([b"a"]), "holds binary"),
        (pa.array([True]), "holds bool"),
    ],
)
def test_a_column_that_is_not_text_is_refused_with_its_row(values: pa.Array, said: str) -> None:
    dataset = Dataset(pa.table({"bad": values, "good": ["a"] * len(values)}))
    with pytest.raises(CleaningError) as caught:
        drop_empty(dataset, "bad")
    assert caught.value.field == "bad"
    assert said in caught.value.message
    assert "one of good" in caught.value.remedy


def test_bytes_that_are_not_utf_8_are_refused_with_their_row() -> None:
    broken = pa.array([b"fine", b"caf\xe9"]).view(pa.string())
    with pytest.raises(CleaningError, match="not UTF-8 in row 1"):
        drop_empty(Dataset(pa.table({"text": broken})), "text")


def test_a_column_without_a_single_value_is_refused() -> None:
    with pytest.raises(CleaningError, match="2 of 2 have no value"):
        drop_empty(Dataset(pa.table({"text": pa.nulls(2)})), "text")


def test_a_column_that_is_not_there_is_refused_with_the_choice() -> None:
    with pytest.raises(CleaningError, match="the columns are n, text"):
        drop_empty(dataset_of(["a"]), "nope")
