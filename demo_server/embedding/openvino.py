"""The engine of OpenVINO: a model that `conversion` has made, on the CPU; no torch, no Python."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from demo_server.embedding import counters
from demo_server.embedding.batching import Array, Tokens
from demo_server.embedding.engine import CPU_TOKENS, Engine, Precision, tokenize
from demo_server.embedding.fast import FastEmbedder

MODEL, TOKENIZER, FACTS = "model.xml", "tokenizer.json", "facts.json"
# Kernels for shapes of input that OpenVINO keeps. By default 5,000, and an actor grows with every
# shape of a large dataset (its peak is in `npm run bench -- scale`); with none, passes take longer.
KEPT_KERNELS = 64


def disable_telemetry() -> None:
    """Before `import openvino`: have it do without its telemetry, which asks another machine."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


class OpenVinoEngine(Engine):
    """Compiled for a directory's model; what OpenVINO compiles is kept next to it."""

    budget = CPU_TOKENS

    def __init__(self, directory: str, precision: Precision, threads: int, at_once: int) -> None:
        super().__init__(at_once)
        disable_telemetry()
        from openvino import Core
        from tokenizers import Tokenizer

        path = Path(directory)
        facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
        self.dim: int = facts["dim"]
        self._prompt, self._pad_id = facts["prompt"], facts["pad_id"]
        self._tokenizer = Tokenizer.from_file(str(path / TOKENIZER))
        settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads * at_once,
            "NUM_STREAMS": at_once,
            "ENABLE_CPU_PINNING": False,  # actors would be pinned to the same cores
            "CPU_RUNTIME_CACHE_CAPACITY": KEPT_KERNELS,
            "CACHE_DIR": str(path / "compiled"),
        }
        self._model = Core().compile_model(path / MODEL, "CPU", settings)
        self._inputs = [port.any_name for port in self._model.inputs]
        self._requests = threading.local()
        self._warm_up()
        counters.loaded()

    def tokenize(self, texts: Array) -> Tokens:
        return tokenize(self._tokenizer, texts, self._prompt, self._pad_id)

    def embed(self, tokens: Tokens, rows: Array) -> Array:
        padded = tokens.padded(rows)
        request = self._request()
        request.infer([padded[name] for name in self._inputs], share_inputs=True)
        counters.passed(tokens.lengths[rows])
        return np.array(request.get_output_tensor().data)

    def _warm_up(self) -> None:
        """Pass one token: two threads that are the first to hand over arrays would deadlock.

        OpenVINO's bindings look numpy up when the first array comes, in a C++ static that one
        thread initializes without the GIL while another waits for it holding the GIL.
        """
        request = self._model.create_infer_request()
        request.infer([np.zeros((1, 1), np.int64) for _ in self._inputs], share_inputs=True)
        np.array(request.get_output_tensor().data)

    def _request(self) -> Any:
        """Return the calling thread's own: one holds the results of one pass."""
        if not hasattr(self._requests, "own"):
            self._requests.own = self._model.create_infer_request()
        return self._requests.own


class OpenVinoEmbedder(FastEmbedder):
    """On OpenVINO in f32; `model` is what `conversion` made of one."""

    @staticmethod
    def load(model: str, threads: int, passes: int) -> OpenVinoEngine:
        return OpenVinoEngine(model, "f32", threads, passes)


class OpenVinoBf16Embedder(FastEmbedder):
    """On OpenVINO in bf16; `model` is what `conversion` made of one."""

    @staticmethod
    def load(model: str, threads: int, passes: int) -> OpenVinoEngine:
        return OpenVinoEngine(model, "bf16", threads, passes)
