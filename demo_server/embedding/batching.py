"""Which rows go through the model together: those of like length, within a budget of tokens.

A forward pass costs what its longest row costs, times its rows: shorter ones are padded. Rows
sorted by length need next to no padding, and a budget of tokens, not a number of rows, makes
every pass take about as long and as much memory. No engine is asked here, only numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# What a pass costs apart from its tokens, as a share of a full one: 0.012 (OpenVINO) and 0.036
# (torch), by passes of 32 and of 2,048 tokens in f32 on two cores.
PASS_COST = 1 / 40


@dataclass(frozen=True)
class Tokens:
    """Tokenized rows, one behind the other and not padded.

    Attributes:
        ids: of every row's tokens, shape (tokens,), int64.
        types: token type of each, shape (tokens,), int64.
        lengths: tokens of each row, shape (rows,), int64.
        pad_id: what a row is filled up with.
    """

    ids: Array
    types: Array
    lengths: Array
    pad_id: int = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def batches(self, budget: int) -> list[Array]:
        """Return the rows of each forward pass, as `token_batches` does."""
        return token_batches(self.lengths, budget)

    def padded(self, rows: Array) -> dict[str, Array]:
        """Return a model's input for `rows`: int64 arrays of shape (rows, longest of them)."""
        lengths = self.lengths[rows]
        starts = np.cumsum(self.lengths)[rows] - lengths
        columns = np.arange(lengths.max(initial=0))
        mask = columns < lengths[:, None]
        at = (starts[:, None] + columns)[mask]
        ids = np.full(mask.shape, self.pad_id, np.int64)
        types = np.zeros(mask.shape, np.int64)
        ids[mask], types[mask] = self.ids[at], self.types[at]
        return {"input_ids": ids, "token_type_ids": types, "attention_mask": mask.astype(np.int64)}


def token_batches(lengths: Sequence[int] | Array, budget: int) -> list[Array]:
    """Return the rows of each forward pass, as indices; the shortest rows go first.

    A pass of n rows whose longest has t tokens takes n * t <= `budget`; a row that is longer than
    the budget goes alone. A pass also ends before a row that would pad those in it by more than
    another pass costs, `PASS_COST`. A pass holds neighbours in length, so all padding together is
    at most what the rows of the largest pass would need from the shortest length of all to the
    longest.

    Raises:
        ValueError: the budget is no positive number.
    """
    if budget < 1:
        raise ValueError(f"budget must be at least 1 token, not {budget}.")
    order = np.argsort(lengths, kind="stable")
    ascending: list[int] = np.asarray(lengths)[order].tolist()
    cuts, first = [], 0
    for row, (longest, length) in enumerate(itertools.pairwise(ascending), 1):
        rows = row - first
        if (rows + 1) * length > budget or rows * (length - longest) > budget * PASS_COST:
            cuts.append(row)
            first = row
    return np.split(order, cuts) if len(order) else []


def row_batches(lengths: Sequence[int] | Array, rows: int) -> list[Array]:
    """Return passes of `rows` rows in their order, as an unsorted loop makes them."""
    return [np.arange(i, min(i + rows, len(lengths))) for i in range(0, len(lengths), rows)]


def padding(lengths: Sequence[int] | Array, batches: Sequence[Array]) -> int:
    """Return the tokens that `batches` compute as padding."""
    taken = [np.asarray(lengths)[batch] for batch in batches]
    return int(sum(len(row) * row.max(initial=0) - row.sum() for row in taken))
