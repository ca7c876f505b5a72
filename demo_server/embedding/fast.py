"""What makes it fast: passes of like length, of a budget of tokens, one on each core.

The fast engines' classes share all of it and differ in what computes a pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from demo_server.embedding.engine import Engine

Batch = dict[str, Any]


# region fast
class FastEmbedder(ABC):
    """Rows sorted by tokens, as many in a pass as a budget takes."""

    def __init__(self, model: str, column: str, threads: int):
        self.column = column
        # Threads that share a pass wait for each other: one each.
        self.engine = self.load(model, threads=1, passes=threads)

    def __call__(self, batch: Batch) -> Batch:
        tokens = self.engine.tokenize(batch[self.column])
        vectors = np.empty((len(tokens), self.engine.dim), "f4")
        for rows, found in self.engine.passes(tokens):
            vectors[rows] = found
        return {**batch, "embedding": vectors}

    # endregion fast

    @staticmethod
    @abstractmethod
    def load(model: str, threads: int, passes: int) -> Engine:
        """Load an engine that runs `passes` passes at once, of so many threads each."""
