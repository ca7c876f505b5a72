"""What makes it fast: passes of like length, of a budget of tokens, one on each core.

The fast engines' classes share all of it and differ in what computes a pass.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

# region fast
from demo_server.embedding.engine import EngineLoader


class FastEmbedder(EngineLoader):
    """Passes of like length, within a budget of tokens."""

    def __init__(self, model: str, column: str, threads: int):
        self.column = column
        # Threads that share a pass wait for each other.
        self.engine = self.load(model, threads=1, passes=threads)

    def __call__(self, batch: pa.Table) -> pa.Table:
        texts = batch[self.column].to_pylist()
        tokens = self.engine.tokenize(texts)
        passes = tokens.batches(self.engine.budget)  # by length
        vectors = np.empty((len(tokens), self.engine.dim), "f4")
        for rows, found in self.engine.embed_all(tokens, passes):
            vectors[rows] = found
        numbers, size = vectors.ravel(), vectors.shape[1]
        lists = pa.FixedSizeListArray.from_arrays(numbers, size)
        return batch.append_column("embedding", lists)


# endregion fast
