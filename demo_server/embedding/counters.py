"""What this process has loaded and computed, counted until a worker tells of it (`live`).

The engines count here. Code that loads or runs a model of its own counts with the same two calls.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

import numpy as np

from demo_server.embedding.batching import Array

_counts = Counter[str]()
_lock = threading.Lock()


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
