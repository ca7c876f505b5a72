"""Which rows of a dataset a run takes."""

from __future__ import annotations

from datasets import Dataset


def choose(dataset: Dataset, rows: int, seed: int = 0) -> Dataset:
    """Return `rows` rows: the first ones, or with a seed other than 0 the first of a shuffle.

    Each row gets its number in `dataset` as `id`, unless it has one, to be accounted for.
    """
    if "id" not in dataset.column_names:
        dataset = dataset.add_column("id", [str(n) for n in range(len(dataset))])
        dataset = dataset.select_columns(["id", *[n for n in dataset.column_names if n != "id"]])
    if seed:
        dataset = dataset.shuffle(seed=seed)
    return dataset.select(range(min(rows, len(dataset))))
