"""The ladder's first steps, with what everybody begins with: torch, row by row."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from ray.data import ActorPoolStrategy, TaskPoolStrategy

from demo_server.toolkit.live import live

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
    """Each step mends one thing of the one before; its region is what a slide shows.

    Attributes:
        path: the model's directory.
        column: the text.
        preloaded: `runtime_env` of a process with the libraries.
    """

    def __init__(self, path: str, column: str, preloaded: dict[str, Any] | None) -> None:
        self.path, self.column, self.preloaded = path, column, preloaded

    def everything_wrong(self, ds: Rows) -> Done:
        path, column, preloaded = self.path, self.column, self.preloaded

        # region everything_wrong
        def embed(row: Row) -> Row:
            tokenizer = load_tokenizer(path)
            model = load_model(path)
            tokens = tokenizer(clean(row[column]), return_tensors="pt")
            vector = model(dict(tokens))["sentence_embedding"][0].tolist()
            print(row["id"], vector)
            return {**row, "embedding": np.array(vector, np.float32)}

        ds = ds.repartition(ds.count())
        ds = ds.map(live(embed), compute=TaskPoolStrategy(1), runtime_env=preloaded)
        # endregion everything_wrong
        return ds.materialize()

    def actor(self, ds: Rows) -> Done:
        path, column, preloaded = self.path, self.column, self.preloaded

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
        ds = ds.map(live(Embed), compute=pool, runtime_env=preloaded)
        # endregion actor
        return ds.materialize()

    def model_in_init(self, ds: Rows) -> Done:
        path, column, preloaded = self.path, self.column, self.preloaded

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
        ds = ds.map(live(Embed), compute=pool, runtime_env=preloaded)
        # endregion model_in_init
        return ds.materialize()

    def tokenizer_in_init(self, ds: Rows) -> Done:
        path, column, preloaded = self.path, self.column, self.preloaded

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
        ds = ds.map(live(Embed), compute=pool, runtime_env=preloaded)
        # endregion tokenizer_in_init
        return ds.materialize()

    def no_gradients(self, ds: Rows) -> Done:
        path, column, preloaded = self.path, self.column, self.preloaded

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
        ds = ds.map(live(Embed), compute=pool, runtime_env=preloaded)
        # endregion no_gradients
        return ds.materialize()
