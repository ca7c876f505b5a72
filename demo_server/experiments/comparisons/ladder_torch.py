"""The ladder's first steps, with what everybody begins with: torch, row by row."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from ray.data import ActorPoolStrategy, TaskPoolStrategy

Row = dict[str, Any]
Rows: TypeAlias = Any  # a ray.data.Dataset: the types of its methods know no class like these
Done: TypeAlias = Any  # the same, materialized


def load_tokenizer(path: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(path)


def load_model(path: str) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(path)


def inference_mode() -> Any:
    import torch

    return torch.inference_mode()


def clean(text: str) -> str:
    """Preprocessing: one space between two words."""
    return " ".join(text.split())


class TorchSteps:
    """Each step fixes one thing of the one before; its region is what a slide shows.

    Attributes:
        path: the model's directory.
        column: the text.
    """

    def __init__(self, path: str, column: str) -> None:
        self.path, self.column = path, column

    def everything_wrong(self, ds: Rows) -> Done:
        path, column = self.path, self.column

        # region everything_wrong
        def embed(row: Row) -> Row:
            tokenizer = load_tokenizer(path)
            model = load_model(path)
            tokens = tokenizer(clean(row[column]), return_tensors="pt")
            vector = model(dict(tokens))["sentence_embedding"][0].tolist()
            print(row["id"], vector)
            return {**row, "embedding": np.array(vector, np.float32)}

        ds = ds.repartition(ds.count())
        ds = ds.map(embed, compute=TaskPoolStrategy(1))
        # endregion everything_wrong
        return ds.materialize()

    def actor(self, ds: Rows) -> Done:
        path, column = self.path, self.column

        # region actor
        class Embed:
            def __call__(self, row: Row) -> Row:
                tokenizer = load_tokenizer(path)
                model = load_model(path)
                tokens = tokenizer(clean(row[column]), return_tensors="pt")
                vector = model(dict(tokens))["sentence_embedding"][0].tolist()
                print(row["id"], vector)
                return {**row, "embedding": np.array(vector, np.float32)}

        ds = ds.repartition(ds.count())
        pool = ActorPoolStrategy(size=1)
        ds = ds.map(Embed, compute=pool)
        # endregion actor
        return ds.materialize()

    def model_in_init(self, ds: Rows) -> Done:
        path, column = self.path, self.column

        # region model_in_init
        class Embed:
            def __init__(self) -> None:
                self.model = load_model(path)

            def __call__(self, row: Row) -> Row:
                tokenizer = load_tokenizer(path)
                tokens = tokenizer(clean(row[column]), return_tensors="pt")
                vector = self.model(dict(tokens))["sentence_embedding"][0].tolist()
                print(row["id"], vector)
                return {**row, "embedding": np.array(vector, np.float32)}

        ds = ds.repartition(ds.count())
        pool = ActorPoolStrategy(size=1)
        ds = ds.map(Embed, compute=pool)
        # endregion model_in_init
        return ds.materialize()

    def tokenizer_in_init(self, ds: Rows) -> Done:
        path, column = self.path, self.column

        # region tokenizer_in_init
        class Embed:
            def __init__(self) -> None:
                self.model = load_model(path)
                self.tokenizer = load_tokenizer(path)

            def __call__(self, row: Row) -> Row:
                tokens = self.tokenizer(clean(row[column]), return_tensors="pt")
                vector = self.model(dict(tokens))["sentence_embedding"][0].tolist()
                print(row["id"], vector)
                return {**row, "embedding": np.array(vector, np.float32)}

        ds = ds.repartition(ds.count())
        pool = ActorPoolStrategy(size=1)
        ds = ds.map(Embed, compute=pool)
        # endregion tokenizer_in_init
        return ds.materialize()

    def no_gradients(self, ds: Rows) -> Done:
        path, column = self.path, self.column

        # region no_gradients
        class Embed:
            def __init__(self) -> None:
                self.model = load_model(path)
                self.tokenizer = load_tokenizer(path)

            def __call__(self, row: Row) -> Row:
                tokens = self.tokenizer(clean(row[column]), return_tensors="pt")
                with inference_mode():
                    vector = self.model(dict(tokens))["sentence_embedding"][0].tolist()
                print(row["id"], vector)
                return {**row, "embedding": np.array(vector, np.float32)}

        ds = ds.repartition(ds.count())
        pool = ActorPoolStrategy(size=1)
        ds = ds.map(Embed, compute=pool)
        # endregion no_gradients
        return ds.materialize()
