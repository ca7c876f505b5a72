"""What an engine is: texts into `Tokens`, and rows of them into vectors.

Which rows go through together is `batching`'s business, the same for all. Passes may run next to
each other, of one thread each: threads that share a pass wait for each other at every operator.
Libraries are imported where an engine is made, in the actor, and only its own: OpenVINO's needs no
torch, whose imports take seconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal

import numpy as np

from demo_server.embedding import counters
from demo_server.embedding.batching import Array, Tokens

Precision = Literal["f32", "bf16"]

# Of one forward pass, padding included. Less leaves cores waiting between passes, more leaves the
# processor's caches; a GPU has thousands of cores to fill.
CPU_TOKENS = 2048
GPU_TOKENS = 65_536


class Engine(ABC):
    """A model that is loaded; `dim` floats a row, passes of at most `budget` tokens."""

    dim: int
    budget: int

    def __init__(self, at_once: int) -> None:
        self._pool = ThreadPoolExecutor(at_once)

    @abstractmethod
    def tokenize(self, texts: Array) -> Tokens:
        """Tokenize strings of shape (rows,), cut to what the model can read."""

    @abstractmethod
    def embed(self, tokens: Tokens, rows: Array) -> Array:
        """Run one forward pass over `rows`: float32 of shape (len(rows), dim)."""

    def embed_all(self, tokens: Tokens, passes: Sequence[Array]) -> Iterator[tuple[Array, Array]]:
        """Embed the rows of each pass, several passes at once.

        Yields the rows of each and their vectors, in the order of `passes`.
        """
        done = self._pool.map(partial(self.embed, tokens), passes)
        for rows, vectors in zip(passes, done, strict=True):
            counters.embedded(rows, vectors)
            yield rows, vectors


class EngineLoader(ABC):
    """What the fast classes differ in."""

    @staticmethod
    @abstractmethod
    def load(model: str, threads: int, passes: int) -> Engine:
        """Load an engine that runs `passes` passes at once, of so many threads each."""


def tokenize(tokenizer: Any, texts: Array, prompt: str, pad_id: int) -> Tokens:
    """Tokenize with a `tokenizers.Tokenizer` that cuts and doesn't pad, on all cores."""
    rows = tokenizer.encode_batch_fast([prompt + text for text in texts] if prompt else [*texts])
    lengths = np.fromiter((len(row) for row in rows), np.int64, len(rows))
    total = int(lengths.sum())
    return Tokens(
        ids=np.fromiter((i for row in rows for i in row.ids), np.int64, total),
        types=np.fromiter((i for row in rows for i in row.type_ids), np.int64, total),
        lengths=lengths,
        pad_id=pad_id,
    )
