"""The engine of OpenVINO: a model that `conversion` has made, on the CPU; no torch, no Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from demo_server.driver import tally
from demo_server.driver.batching import Array, Tokens
from demo_server.driver.engine import CPU_TOKENS, Precision, tokenize

MODEL, TOKENIZER, FACTS = "model.xml", "tokenizer.json", "facts.json"


def say_nothing_to_its_makers() -> None:
    """Before `import openvino`: have it do without its telemetry, which asks another machine."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


class OpenVinoEngine:
    """Compiled for a directory's model; what OpenVINO compiles is kept beside it."""

    budget = CPU_TOKENS

    def __init__(self, directory: str, precision: Precision, threads: int) -> None:
        say_nothing_to_its_makers()
        from openvino import Core
        from tokenizers import Tokenizer

        path = Path(directory)
        facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
        self.dim: int = facts["dim"]
        self._prompt, self._pad_id = facts["prompt"], facts["pad_id"]
        self._tokenizer = Tokenizer.from_file(str(path / TOKENIZER))
        settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # actors would be pinned to the same cores
            "CACHE_DIR": str(path / "compiled"),
        }
        compiled = Core().compile_model(path / MODEL, "CPU", settings)
        self._inputs = [port.any_name for port in compiled.inputs]
        self._request = compiled.create_infer_request()

    def tokenize(self, texts: Array) -> Tokens:
        return tokenize(self._tokenizer, texts, self._prompt, self._pad_id)

    def embed(self, tokens: Tokens, rows: Array) -> Array:
        padded = tokens.padded(rows)
        self._request.infer([padded[name] for name in self._inputs], share_inputs=True)
        tally.passed(tokens.lengths[rows])
        return np.array(self._request.get_output_tensor().data)
