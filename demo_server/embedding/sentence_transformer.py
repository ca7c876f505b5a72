"""The library as it is: what a user of sentence-transformers writes for Ray Data."""

from __future__ import annotations

from typing import Any

Batch = dict[str, Any]


# region embedder
class TextEmbedder:
    """An actor: it loads the model once and keeps it."""

    def __init__(self, model: str, column: str, threads: int):
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)  # Ray leaves an actor one
        self.model = SentenceTransformer(model)
        self.column = column

    def __call__(self, batch: Batch) -> Batch:
        # encode sorts by characters, not by tokens
        texts = batch[self.column].tolist()
        return {**batch, "embedding": self.model.encode(texts)}


# endregion embedder
