"""A sentence-transformers model that the fast engines compute, and how it reads texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from demo_server.protocol.errors import InputError

# What `Tokens.padded` makes.
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


REMEDY = (
    "Choose engine TextEmbedder. Where a slide compares the others, start the server with another "
    "model, --model NAME."
)


class EngineError(InputError):
    """An engine can't take the model; `field` is `engine`."""

    def __init__(self, message: str, remedy: str = REMEDY) -> None:
        super().__init__("engine", message, remedy)


def load_f32(model: str, device: str | None = None) -> Any:
    """Load a `SentenceTransformer` with f32 weights, whatever they were saved as.

    It cuts a text where it has no more positions, also where its tokenizer's settings allow more.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    source = SentenceTransformer(model, device=device, model_kwargs={"dtype": torch.float32})
    cut_at_positions(source)
    return source.float().eval()  # what isn't of transformers comes training, with its dropout


def embed(model: Any, features: dict[str, Any]) -> Any:
    """Return a `SentenceTransformer`'s tensor of shape (rows, dim), as many numbers as `encode`."""
    return model(features)["sentence_embedding"][:, : model.truncate_dim]


def cut_at_positions(model: Any) -> None:
    """Lower what a `SentenceTransformer` cuts at to what it can read.

    A model of RoBERTa's kind counts its positions from the padding's number on: of 514 it has 512.
    """
    from torch.nn import Embedding

    for module in model.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, Embedding):
            first = getattr(module, "padding_idx", None)
            positions = table.num_embeddings - (first + 1 if isinstance(first, int) else 0)
            if model.max_seq_length is None or model.max_seq_length > positions:
                model.max_seq_length = positions


@dataclass(frozen=True)
class Reader:
    """How a model reads a text, as `encode` has it.

    Attributes:
        tokenizer: a `tokenizers.Tokenizer` that cuts and doesn't pad.
        prompt: what stands in front of every text.
        pad_id: what a row is filled up with.
        inputs: those of `INPUTS` that the model takes.
        constants: the model's other inputs, the same for all texts.
    """

    tokenizer: Any
    prompt: str
    pad_id: int
    inputs: tuple[str, ...]
    constants: dict[str, Any]

    @classmethod
    def of(cls, model: Any) -> Reader:
        """Return how a `SentenceTransformer` reads.

        Raises:
            EngineError: not with a tokenizer and inputs that the fast engines have.
        """
        tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
        if tokenizer is None:
            raise EngineError("The fast engines read no model without a tokenizer.json.")
        prompt: str = model.prompts.get(model.default_prompt_name) or ""
        # It leaves the tokenizer with the settings of `encode`, wherever the model keeps them.
        features = model.preprocess(["text"], prompt=prompt)
        if features.get("modality", "text") != "text":
            raise EngineError("The fast engines don't put texts into a chat template.")
        tokenizer.no_padding()
        constants = {name: value for name, value in features.items() if name not in INPUTS}
        if unknown := [
            name for name, value in constants.items() if not isinstance(value, str | int)
        ]:
            raise EngineError(f"The fast engines don't make the model's input {unknown[0]}.")
        inputs = tuple(name for name in INPUTS if name in features)
        return cls(tokenizer, prompt, model.tokenizer.pad_token_id or 0, inputs, constants)
