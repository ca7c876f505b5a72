"""What computes the embeddings: an engine, in a precision, chosen for each run.

An engine turns texts into `Tokens` and rows of them into vectors; which rows go through together
is `batching`'s business, the same for all. Passes may run beside each other, of one thread each:
threads that share a pass wait for each other at every operator. Libraries are imported where an
engine is made, in the actor, and only its own: OpenVINO's needs no torch, whose imports take
seconds.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal

import numpy as np

from demo_server.embedding import counters
from demo_server.embedding.batching import Array, Tokens
from demo_server.embedding.device import Device, cpu_has_bf16

EngineName = Literal["sentence-transformers", "openvino"]
Precision = Literal["f32", "bf16"]

# What an actor's process has to import for each; the light one first. See `prestart`.
IMPORTS: dict[EngineName, tuple[str, ...]] = {
    "openvino": ("openvino", "tokenizers"),
    "sentence-transformers": ("sentence_transformers",),
}

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

    def passes(self, tokens: Tokens) -> Iterator[tuple[Array, Array]]:
        """Embed all rows of a call, by length and within the budget, several passes at once.

        Yields the rows of each pass and their vectors, the shortest rows first.
        """
        batches = tokens.batches(self.budget)
        done = self._pool.map(partial(self.embed, tokens), batches)
        for rows, vectors in zip(batches, done, strict=True):
            counters.embedded(rows, vectors)
            yield rows, vectors


def load_engine(
    model: str,
    engine: EngineName,
    precision: Precision,
    threads: int,
    pass_threads: int | None = None,
) -> Engine:
    """Load a model: a directory of sentence-transformers, or for OpenVINO one of `conversion`.

    A pass has `pass_threads` of the `threads`, all if not told, and as many run at once as there
    are threads for. On a GPU they run one after the other.
    """
    each = pass_threads or threads
    if engine == "openvino":
        from demo_server.embedding.openvino import OpenVinoEngine

        loaded: Engine = OpenVinoEngine(model, precision, each, threads // each)
    else:
        from demo_server.embedding.fast_torch import TorchEngine

        loaded = TorchEngine(model, precision, each, threads // each)
    counters.loaded()
    return loaded


def offered(device: Device) -> list[tuple[EngineName, Precision]]:
    """Return the pairs that this machine can run, the default first."""
    pairs: list[tuple[EngineName, Precision]] = [
        ("sentence-transformers", "f32"),
        ("sentence-transformers", "bf16"),
        ("openvino", "f32"),
        ("openvino", "bf16"),
    ]
    if device == "cuda":
        pairs[:2] = [pairs[1], pairs[0]]
    return [pair for pair in pairs if refusal(*pair, device) is None]


def refusal(engine: EngineName, precision: Precision, device: Device) -> str | None:
    """Return why this machine can't run an engine in a precision, None where it can."""
    if engine == "openvino" and not openvino_installed():
        return (
            "engine openvino is not installed: run `pip install openvino`, "
            "or choose engine sentence-transformers."
        )
    on_cuda = engine == "sentence-transformers" and device == "cuda"
    if precision == "bf16" and not on_cuda and not cpu_has_bf16():
        return "precision bf16 needs a processor that computes in it: choose precision f32."
    return None


def imports_ahead() -> list[tuple[str, ...]]:
    """Return what worker processes import ahead, a process for each engine that is installed."""
    return [
        modules
        for engine, modules in IMPORTS.items()
        if engine != "openvino" or openvino_installed()
    ]


def openvino_installed() -> bool:
    """Whether there is an OpenVINO; it has no wheel for every platform."""
    return importlib.util.find_spec("openvino") is not None


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
