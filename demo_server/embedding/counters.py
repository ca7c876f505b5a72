"""What this process has loaded and computed, counted until a worker reports it.

The engines count here, and report which rows of a call a pass has embedded. Code that loads or
runs a model of its own counts with the same calls.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from demo_server.embedding.batching import Array

_counts = Counter[str]()
_lock = threading.Lock()
Listener = Callable[[Array, Array], None]
_listener: Listener | None = None


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have `listener` called in this block with the rows of each pass and their vectors."""
    global _listener
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before


def embedded(rows: Array, vectors: Array) -> None:
    """Rows of the present call have their vectors.

    Args:
        rows: indices into the call's batch, shape (rows,).
        vectors: shape (rows, dim).
    """
    if _listener:
        _listener(rows, vectors)


def loaded() -> None:
    """A model has been loaded."""
    with _lock:
        _counts["models"] += 1


def passed(lengths: Sequence[int] | Array) -> None:
    """A forward pass is done over rows of `lengths` tokens, padded to the longest of them."""
    rows = np.asarray(lengths)
    tokens = int(rows.sum())
    with _lock:
        _counts["tokens"] += tokens
        _counts["padding"] += len(rows) * int(rows.max(initial=0)) - tokens


def take() -> dict[str, int]:
    """Return the models, tokens and padding tokens since the last `take`."""
    with _lock:
        taken = {name: _counts[name] for name in ("models", "tokens", "padding")}
        _counts.clear()
    return taken
