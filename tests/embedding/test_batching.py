"""Which rows go through the model together."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_server.embedding.batching import PASS_COST, Tokens, padding, row_batches, token_batches

LENGTHS = st.lists(st.integers(1, 60), max_size=120)
BUDGETS = st.integers(1, 300)


@given(LENGTHS, BUDGETS)
def test_every_row_is_in_one_pass_and_scatters_back_to_its_place(
    lengths: list[int], budget: int
) -> None:
    got = np.zeros(len(lengths), int)
    times = np.zeros(len(lengths), int)
    for rows in token_batches(lengths, budget):
        got[rows] = np.array(lengths)[rows]
        times[rows] += 1
    assert got.tolist() == lengths
    assert times.tolist() == [1] * len(lengths)


@given(LENGTHS, BUDGETS)
def test_a_pass_keeps_the_budget_unless_it_is_one_row(lengths: list[int], budget: int) -> None:
    for rows in token_batches(lengths, budget):
        longest = max(lengths[row] for row in rows)
        assert len(rows) == 1 or len(rows) * longest <= budget


@given(LENGTHS, BUDGETS)
def test_a_pass_ends_only_where_the_next_row_would_break_the_budget_or_pad_for_more_than_a_pass(
    lengths: list[int], budget: int
) -> None:
    batches = token_batches(lengths, budget)
    for rows, following in itertools.pairwise(batches):
        longest, next_one = lengths[rows[-1]], lengths[following[0]]
        padded = len(rows) * (next_one - longest)
        assert (len(rows) + 1) * next_one > budget or padded > budget * PASS_COST


def test_rows_much_shorter_than_the_next_go_by_themselves() -> None:
    lengths = [5] * 20 + [50] * 20
    assert [len(rows) for rows in token_batches(lengths, 2048)] == [20, 20]
    assert padding(lengths, token_batches(lengths, 2048)) == 0


def test_a_few_tokens_of_padding_cost_less_than_another_pass() -> None:
    lengths = [5] * 20 + [6] * 20
    assert [len(rows) for rows in token_batches(lengths, 2048)] == [40]


@given(LENGTHS, BUDGETS)
def test_all_padding_is_at_most_that_of_the_largest_pass_from_shortest_to_longest(
    lengths: list[int], budget: int
) -> None:
    batches = token_batches(lengths, budget)
    largest = max(map(len, batches), default=0)
    assert padding(lengths, batches) <= largest * (
        max(lengths, default=0) - min(lengths, default=0)
    )


@given(st.integers(0, 2**32 - 1), st.integers(8, 64))
def test_text_needs_less_padding_than_as_many_passes_in_its_order(seed: int, rows: int) -> None:
    lengths = np.random.default_rng(seed).gamma(2, 10, 1024).astype(int) + 3
    batches = token_batches(lengths, rows * int(lengths.mean()))
    unsorted = row_batches(lengths, -(-len(lengths) // len(batches)))
    assert padding(lengths, batches) < padding(lengths, unsorted) / 2


def test_rows_of_one_length_need_no_padding() -> None:
    lengths = [7, 3, 7, 3]
    assert [rows.tolist() for rows in token_batches(lengths, 14)] == [[1, 3], [0, 2]]
    assert padding(lengths, token_batches(lengths, 14)) == 0
    assert padding(lengths, row_batches(lengths, 2)) == 8


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 token, not 0"):
        token_batches([1], 0)


@given(st.lists(st.lists(st.integers(1, 99), max_size=9), max_size=20), st.randoms())
def test_padded_rows_hold_their_tokens_and_then_the_filling(
    rows: list[list[int]], random: object
) -> None:
    flat = np.array([i for row in rows for i in row], np.int64)
    tokens = Tokens(flat, flat % 2, np.array([len(row) for row in rows], np.int64), pad_id=-1)
    taken = [i for i in range(len(rows)) if i % 3 != 1]
    random.shuffle(taken)  # type: ignore[attr-defined]
    got = tokens.padded(np.array(taken, int))
    longest = max((len(rows[i]) for i in taken), default=0)
    assert got["input_ids"].tolist() == [rows[i] + [-1] * (longest - len(rows[i])) for i in taken]
    assert got["attention_mask"].sum(axis=1).tolist() == [len(rows[i]) for i in taken]
    assert got["token_type_ids"].sum() == sum(t % 2 for i in taken for t in rows[i])
