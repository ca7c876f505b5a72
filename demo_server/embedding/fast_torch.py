"""The engine of PyTorch: the modules that sentence-transformers loads, in passes of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from demo_server.embedding import counters
from demo_server.embedding.batching import Array, Tokens
from demo_server.embedding.engine import CPU_TOKENS, GPU_TOKENS, Engine, Precision, tokenize
from demo_server.embedding.fast import FastEmbedder


class TorchEngine(Engine):
    """CUDA, MPS or CPU, whichever torch finds; bf16 is torch's autocast, the weights stay f32.

    Attention is torch's `scaled_dot_product_attention`, as transformers chooses by itself.
    """

    def __init__(self, model: str, precision: Precision, threads: int, at_once: int) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        self.model = SentenceTransformer(model)
        counters.loaded()
        self.dim = self.model.get_embedding_dimension() or 0
        on_cpu = self.model.device.type == "cpu"
        super().__init__(at_once if on_cpu else 1)
        self.budget = CPU_TOKENS if on_cpu else GPU_TOKENS
        self._precision = precision
        self._tokenizer, self._pad_id = own_tokenizer(self.model, model)
        self._prompt = own_prompt(self.model, model)

    def tokenize(self, texts: Array) -> Tokens:
        return tokenize(self._tokenizer, texts, self._prompt, self._pad_id)

    def embed(self, tokens: Tokens, rows: Array) -> Array:
        import torch

        device = self.model.device
        names = self.model.tokenizer.model_input_names
        features: dict[str, Any] = {
            name: torch.from_numpy(values).to(device)
            for name, values in tokens.padded(rows).items()
            if name in names
        }
        bf16 = torch.autocast(device.type, torch.bfloat16, enabled=self._precision == "bf16")
        with torch.inference_mode(), bf16:
            vectors = self.model(features)["sentence_embedding"]
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


def own_tokenizer(model: Any, path: str) -> tuple[Any, int]:
    """Return a model's `tokenizers.Tokenizer`, which cuts where the model does, and its padding.

    Raises:
        ValueError: the model has none.
    """
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ValueError(
            f"The model {Path(path).name} has no tokenizer of the `tokenizers` library: "
            "give --model one that reads text and has a tokenizer.json."
        )
    backend.no_padding()
    if model.max_seq_length is not None:
        backend.enable_truncation(model.max_seq_length)
    return backend, model.tokenizer.pad_token_id or 0


def own_prompt(model: Any, path: str) -> str:
    """Return what a model wants in front of every text, as `encode` puts it there.

    Raises:
        ValueError: its pooling leaves the prompt's tokens out, which our passes don't.
    """
    prompt: str = model.prompts.get(model.default_prompt_name) or ""
    if prompt and not all(getattr(module, "include_prompt", True) for module in model):
        raise ValueError(
            f"The model {Path(path).name} pools without its prompt, which these engines can't: "
            "give --model one without a default prompt."
        )
    return prompt
