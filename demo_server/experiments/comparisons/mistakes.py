"""The errors that everybody meets, each as it is made and as it is fixed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from ray.data import ActorPoolStrategy, TaskPoolStrategy

Row = dict[str, Any]
Batch: TypeAlias = Any  # columns by name, or a pandas.DataFrame
Rows: TypeAlias = Any  # a ray.data.Dataset: what is wrong here is wrong for its types too


def count_words(batch: Batch, column: str) -> Batch:
    return {**batch, "words": [len(text.split()) for text in batch[column]]}


class Mistakes:
    """Each method runs one small pipeline; its region is what a slide shows.

    What ends in `_fixed` does the same as the one before it, so that Ray can do it.

    Attributes:
        column: the text.
    """

    def __init__(self, column: str) -> None:
        self.column = column

    def list_wrong(self, ds: Rows) -> Rows:
        column = self.column

        # region list_wrong
        def words(batch: Batch) -> list[int]:
            return [len(text.split()) for text in batch[column]]

        ds = ds.map_batches(words)
        # endregion list_wrong
        return ds.materialize()

    def list_fixed(self, ds: Rows) -> Rows:
        column = self.column

        # region list_fixed
        def words(batch: Batch) -> Batch:
            counts = [len(text.split()) for text in batch[column]]
            return {**batch, "words": counts}

        ds = ds.map_batches(words)
        # endregion list_fixed
        return ds.materialize()

    def format_wrong(self, ds: Rows) -> Rows:
        column = self.column

        # region format_wrong
        def letters(batch: Batch) -> Batch:
            return batch.assign(letters=batch[column].map(len))

        ds = ds.map_batches(letters)
        # endregion format_wrong
        return ds.materialize()

    def format_fixed(self, ds: Rows) -> Rows:
        column = self.column

        # region format_fixed
        def letters(batch: Batch) -> Batch:
            return batch.assign(letters=batch[column].map(len))

        ds = ds.map_batches(letters, batch_format="pandas")
        # endregion format_fixed
        return ds.materialize()

    def lengths_wrong(self, ds: Rows) -> Rows:
        column = self.column

        # region lengths_wrong
        def growth(batch: Batch) -> Batch:
            lengths = [len(text) for text in batch[column]]
            return {**batch, "growth": np.diff(lengths)}

        ds = ds.map_batches(growth)
        # endregion lengths_wrong
        return ds.materialize()

    def lengths_fixed(self, ds: Rows) -> Rows:
        column = self.column

        # region lengths_fixed
        def growth(batch: Batch) -> Batch:
            lengths = [len(text) for text in batch[column]]
            return {**batch, "growth": np.diff(lengths, prepend=0)}

        ds = ds.map_batches(growth)
        # endregion lengths_fixed
        return ds.materialize()

    def swallowed_wrong(self, ds: Rows) -> Rows:
        column = self.column

        # region swallowed_wrong
        # Two of the rows have no text: None.
        def words(row: Row) -> list[Row]:
            try:
                return [{**row, "words": len(row[column].split())}]
            except AttributeError:
                return []

        ds = ds.flat_map(words)
        # endregion swallowed_wrong
        return ds.materialize()

    def swallowed_block(self, ds: Rows) -> Rows:
        column = self.column

        # region swallowed_block
        # Two of the rows have no text: None.
        def words(row: Row) -> Row:
            return {**row, "words": len(row[column].split())}

        ds.context.max_errored_blocks = 2
        ds = ds.map(words)
        # endregion swallowed_block
        return ds.materialize()

    def swallowed_fixed(self, ds: Rows) -> Rows:
        column = self.column

        # region swallowed_fixed
        # Two of the rows have no text: None.
        def words(row: Row) -> Row:
            text = row[column] or ""
            words = len(text.split())
            return {**row, "words": words, "missing": not text}

        ds = ds.map(words)
        # endregion swallowed_fixed
        return ds.materialize()

    def compute_wrong(self, ds: Rows) -> Rows:
        words = self.words()
        # region compute_wrong
        ds = ds.map_batches(words, compute="tasks")
        # endregion compute_wrong
        return ds.materialize()

    def compute_fixed(self, ds: Rows) -> Rows:
        words = self.words()
        # region compute_fixed
        ds = ds.map_batches(words, compute=TaskPoolStrategy())
        # endregion compute_fixed
        return ds.materialize()

    def setting_wrong(self, ds: Rows) -> Rows:
        words = self.words()
        # region setting_wrong
        ds = ds.map_batches(words, preserve_order=True)
        # endregion setting_wrong
        return ds.materialize()

    def setting_fixed(self, ds: Rows) -> Rows:
        words = self.words()
        # region setting_fixed
        ds.context.execution_options.preserve_order = True
        ds = ds.map_batches(words)
        # endregion setting_fixed
        return ds.materialize()

    def both_wrong(self, ds: Rows) -> Rows:
        # region both_wrong
        class Work:
            def __call__(self, batch: Batch) -> Batch:
                time.sleep(0.2)
                pids = [os.getpid()] * len(batch["id"])
                return {**batch, "process": pids}

        pool = ActorPoolStrategy(size=1)
        ds = ds.map_batches(
            Work,
            compute=pool,
            concurrency=2,
            num_cpus=0.5,
        )
        # endregion both_wrong
        return ds.materialize()

    def both_fixed(self, ds: Rows) -> Rows:
        # region both_fixed
        class Work:
            def __call__(self, batch: Batch) -> Batch:
                time.sleep(0.2)
                pids = [os.getpid()] * len(batch["id"])
                return {**batch, "process": pids}

        pool = ActorPoolStrategy(size=2)
        ds = ds.map_batches(Work, compute=pool, num_cpus=0.5)
        # endregion both_fixed
        return ds.materialize()

    def pickle_wrong(self, ds: Rows) -> Rows:
        column = self.column

        # region pickle_wrong
        lock = Lock()

        ds = ds.map_batches(lambda batch: locked(lock, batch, column))
        # endregion pickle_wrong
        return ds.materialize()

    def pickle_fixed(self, ds: Rows) -> Rows:
        column = self.column

        # region pickle_fixed
        class Words:
            def __init__(self) -> None:
                self.lock = Lock()

            def __call__(self, batch: Batch) -> Batch:
                return locked(self.lock, batch, column)

        ds = ds.map_batches(Words, compute=ActorPoolStrategy(size=1))
        # endregion pickle_fixed
        return ds.materialize()

    def words(self) -> Callable[[Batch], Batch]:
        """Return a function that is right, for calls of it that are not."""
        column = self.column

        def words(batch: Batch) -> Batch:
            return count_words(batch, column)

        return words


def locked(lock: Lock, batch: Batch, column: str) -> Batch:
    """Count words as code does that may not run twice at once."""
    with lock:
        return count_words(batch, column)
