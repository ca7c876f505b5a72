"""The library as it is: what a user of sentence-transformers writes for Ray Data."""

from __future__ import annotations

import pyarrow as pa


# region embedder
class TextEmbedder:
    """An actor: it loads the model once and keeps it."""

    def __init__(self, model: str, column: str, threads: int):
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)  # Ray leaves an actor one
        self.model = SentenceTransformer(model)
        self.column = column

    def __call__(self, batch: pa.Table) -> pa.Table:
        # encode sorts by characters, not by tokens
        vectors = self.model.encode(batch[self.column].to_pylist())
        flat, size = vectors.ravel().astype("f4"), vectors.shape[1]
        lists = pa.FixedSizeListArray.from_arrays(flat, size)
        return batch.append_column("embedding", lists)


# endregion embedder
