"""Which rows of a dataset a run takes."""

from __future__ import annotations

import pytest
from datasets import Dataset

from demo_server.data.selection import choose


def numbered(rows: int) -> Dataset:
    return Dataset.from_dict(
        {"text": [f"text {n}" for n in range(rows)], "label": [None, *range(1, rows)]}
    )


def test_the_first_rows_come_in_their_order_each_with_its_number() -> None:
    chosen = choose(numbered(10), 3)
    assert chosen["id"][:] == ["0", "1", "2"]
    assert chosen.column_names == ["id", "text", "label"]


def test_more_rows_than_there_are_gives_all() -> None:
    assert len(choose(numbered(5), 100)) == 5
    assert len(choose(numbered(5), 100, seed=3)) == 5


@pytest.mark.parametrize("seed", [1, 7, 2**31])
def test_a_seed_takes_the_rows_that_shuffle_would_in_its_order(seed: int) -> None:
    dataset = numbered(200)
    expected = choose(dataset, 200).shuffle(seed=seed).select(range(50))
    chosen = choose(dataset, 50, seed)
    assert chosen.to_dict() == expected.to_dict()
    assert chosen.features == expected.features


def test_shuffled_rows_are_one_plain_table() -> None:
    chosen = choose(numbered(5000), 5000, seed=1)
    assert chosen.data.column(0).num_chunks <= 2
