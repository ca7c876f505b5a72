"""The engine of code that is copied: PyTorch, in passes of ours, from public packages alone.

`code_before` puts it in the place of what `demo_server.embedding` has for several engines.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from demo_server.embedding.batching import Array, Tokens


class Engine:
    """A loaded model: texts into tokens, and rows of tokens into vectors of `dim` floats."""

    budget = 2048  # tokens of a pass, padding included

    def __init__(self, model: str, threads: int, passes: int = 1) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        self.model = SentenceTransformer(model)
        self.prompt = self.model.prompts.get(self.model.default_prompt_name) or ""
        self.dim = self.model.get_embedding_dimension()
        self.pool = ThreadPoolExecutor(passes)

    def tokenize(self, texts: Any) -> Tokens:
        read = self.model.tokenizer
        prompted = [self.prompt + text for text in texts]
        found = read(prompted, truncation=True, max_length=self.model.max_seq_length)["input_ids"]
        ids = np.concatenate([np.array(row, np.int64) for row in found])
        lengths = np.array([len(row) for row in found])
        return Tokens(ids, np.zeros_like(ids), lengths, read.pad_token_id)

    def embed(self, tokens: Tokens, rows: Array) -> Array:
        """One forward pass."""
        import torch

        padded, device = tokens.padded(rows), self.model.device
        names = self.model.tokenizer.model_input_names
        features = {name: torch.from_numpy(padded[name]).to(device) for name in names}
        with torch.inference_mode():
            vectors: Array = self.model(features)["sentence_embedding"].cpu().numpy()
        return vectors

    def embed_all(self, tokens: Tokens, passes: list[Array]) -> Iterator[tuple[Array, Array]]:
        """The rows of each pass with their vectors, several passes at once."""
        return zip(passes, self.pool.map(partial(self.embed, tokens), passes), strict=True)


def load_engine(model: str, threads: int) -> Engine:
    return Engine(model, threads)


class EngineLoader:
    def load(self, model: str, threads: int, passes: int) -> Engine:
        return Engine(model, threads, passes)
