"""Which rows of a dataset a run takes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from datasets import Dataset, DatasetInfo

ID = "id"  # the column that numbers the rows of a dataset that has none of that name


def choose(dataset: Dataset, rows: int, seed: int = 0) -> Dataset:
    """Return `rows` rows: the first ones, or with a seed other than 0 the first of a shuffle.

    Each row gets its number in `dataset` as `id`, unless it has one, to be accounted for.
    """
    if ID not in dataset.column_names:
        dataset = dataset.add_column(ID, [str(n) for n in range(len(dataset))])
        dataset = dataset.select_columns([ID, *[n for n in dataset.column_names if n != ID]])
    if seed:
        return shuffled(dataset, rows, seed)
    return dataset.select(range(min(rows, len(dataset))))


def shuffled(dataset: Dataset, rows: int, seed: int) -> Dataset:
    """Return the first `rows` rows of `dataset.shuffle(seed=seed)`, as one plain table.

    `shuffle` only notes an order, which is then read row by row, and Ray gets each row as a chunk
    of its own: about 1 ms for each, here and again in whoever reads the block.
    """
    order = np.random.default_rng(seed).permutation(len(dataset))[:rows]
    table: pa.Table = dataset.with_format("arrow")[:]
    return Dataset(table.take(pa.array(order)), info=DatasetInfo(features=dataset.features))
