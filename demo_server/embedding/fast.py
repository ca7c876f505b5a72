"""What makes it fast: passes of like length, of a budget of tokens, one on each core.

The fast engines' classes share all of it and differ in what computes a pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pyarrow as pa

from demo_server.embedding.engine import Engine


class EngineLoader(ABC):
    """What the fast classes differ in."""

    @staticmethod
    @abstractmethod
    def load(model: str, threads: int, passes: int) -> Engine:
        """Load an engine that runs `passes` passes at once, of so many threads each."""


# region fast
class FastEmbedder(EngineLoader):
    """Rows sorted by tokens, as many in a pass as a budget takes."""

    def __init__(self, model: str, column: str, threads: int):
        self.column = column
        # Threads that share a pass wait for each other: one each.
        self.engine = self.load(model, threads=1, passes=threads)

    def __call__(self, batch: pa.Table) -> pa.Table:
        tokens = self.engine.tokenize(batch[self.column].to_pylist())
        vectors = np.empty((len(tokens), self.engine.dim), "f4")
        for rows, found in self.engine.passes(tokens):
            vectors[rows] = found
        numbers, size = vectors.ravel(), vectors.shape[1]
        lists = pa.FixedSizeListArray.from_arrays(numbers, size)
        return batch.append_column("embedding", lists)


# endregion fast
