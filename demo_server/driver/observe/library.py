"""Models of sentence-transformers in a worker, counted and reported pass by pass from outside.

Nothing is imported here: code that has such a model has imported the library.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from demo_server.embedding import counters
from demo_server.embedding.batching import Array

Report = Callable[[Sequence[str], Array], None]


def watch(value: Any, report: Report) -> None:
    """Count a `SentenceTransformer`, and its passes; anything else is left alone.

    `report` gets the texts of each pass and their embeddings, shape (texts, dim).
    """
    module = sys.modules.get("sentence_transformers")
    if module is None or not isinstance(value, module.SentenceTransformer):
        return
    counters.loaded()
    preprocess, pass_ = value.preprocess, threading.local()

    def preprocess_noted(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        # `encode` sorts its texts: which of them a pass has is known here.
        pass_.texts = inputs
        return preprocess(inputs, *args, **kwargs)

    def passed(model: Any, given: tuple[Any, ...], result: Any) -> None:
        texts, pass_.texts = getattr(pass_, "texts", None), None
        if (mask := result.get("attention_mask")) is not None:
            counters.passed(mask.sum(1).cpu().numpy())
        vectors = result["sentence_embedding"]
        if texts is not None and len(texts) == len(vectors):
            report(texts, vectors.detach().float().cpu().numpy())

    value.preprocess = preprocess_noted
    value.register_forward_hook(passed)
