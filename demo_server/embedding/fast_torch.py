"""The engine of PyTorch: the modules that sentence-transformers loads, in passes of ours."""

from __future__ import annotations

from typing import Any

from demo_server.embedding import counters
from demo_server.embedding.batching import Array, Tokens
from demo_server.embedding.engine import CPU_TOKENS, GPU_TOKENS, Engine, Precision, tokenize
from demo_server.embedding.fast import FastEmbedder
from demo_server.embedding.transformer import Reader, embed, load_f32


class TorchEngine(Engine):
    """CUDA, MPS or CPU, whichever torch finds; bf16 is torch's autocast, the weights stay f32.

    Attention is torch's `scaled_dot_product_attention`, as transformers chooses by itself.
    """

    def __init__(self, model: str, precision: Precision, threads: int, at_once: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.model = load_f32(model)
        counters.loaded()
        self.dim = self.model.get_embedding_dimension() or 0
        on_cpu = self.model.device.type == "cpu"
        super().__init__(at_once if on_cpu else 1)
        self.budget = CPU_TOKENS if on_cpu else GPU_TOKENS
        self._precision = precision
        self._reader = Reader.of(self.model)

    def tokenize(self, texts: Array) -> Tokens:
        reader = self._reader
        return tokenize(reader.tokenizer, texts, reader.prompt, reader.pad_id)

    def embed(self, tokens: Tokens, rows: Array) -> Array:
        import torch

        device = self.model.device
        padded = tokens.padded(rows)
        features: dict[str, Any] = self._reader.constants | {
            name: torch.from_numpy(padded[name]).to(device) for name in self._reader.inputs
        }
        bf16 = torch.autocast(device.type, torch.bfloat16, enabled=self._precision == "bf16")
        with torch.inference_mode(), bf16:
            vectors = embed(self.model, features)
        counters.passed(tokens.lengths[rows])
        array: Array = vectors.float().cpu().numpy()
        return array


class TorchEmbedder(FastEmbedder):
    """On PyTorch in f32."""

    @staticmethod
    def load(model: str, threads: int, passes: int) -> TorchEngine:
        return TorchEngine(model, "f32", threads, passes)


class TorchBf16Embedder(FastEmbedder):
    """On PyTorch, matrix products in bf16."""

    @staticmethod
    def load(model: str, threads: int, passes: int) -> TorchEngine:
        return TorchEngine(model, "bf16", threads, passes)
