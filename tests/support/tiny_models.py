"""Small random models in the shapes that people publish, saved by sentence-transformers.

Their weights are noisy enough that texts which differ have vectors that differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Normalize,
    Pooling,
    StaticEmbedding,
    Transformer,
)
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
)

WORDS = ["Copper", "ladder", "window", "thread", "garden", "bottle", "winter", "signal", "orbit"]
WORDS += ["paper", "forest", "candle"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WIDTH = 24
POSITIONS = 34


def texts() -> list[str]:
    """Return short and long texts, cased, some of one length and some much shorter."""
    few = [" ".join(WORDS[i % 12 :] + WORDS[: i % 5]) for i in range(12)]
    long = [" ".join(WORDS * 5), " ".join(WORDS[::-1] * 9)]
    return ["", "copper", "Copper", "WINTER signal", "no such word", *few, *long]


def tokenizer(lower: bool = True, **settings: Any) -> PreTrainedTokenizerFast:
    """Return one that knows `WORDS` as they are and in lower case; `lower` makes it use these."""
    known = dict.fromkeys([*SPECIAL, *WORDS, *(word.lower() for word in WORDS)])
    made = Tokenizer(WordLevel({word: i for i, word in enumerate(known)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    if lower:
        made.normalizer = Lowercase()
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        **dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), SPECIAL, strict=True)),
        **{"model_input_names": ["input_ids", "attention_mask"], **settings},
    )


def save(
    place: Path,
    kind: Any = BertModel,
    configuration: Any = BertConfig,
    settings: dict[str, Any] | None = None,
    reads: PreTrainedTokenizerFast | None = None,
    dtype: torch.dtype = torch.float32,
    pooling: Any = "mean",
    include_prompt: bool = True,
    between: Callable[[], list[Any]] = list,
    more: Callable[[], list[Any]] = lambda: [Normalize()],
    prompts: dict[str, str] | None = None,
    truncate_dim: int | None = None,
    **options: Any,
) -> Path:
    """Save a model of two layers; `settings` are its network's, `options` its `Transformer`'s."""
    torch.manual_seed(5)
    common = {
        "vocab_size": 64,
        "hidden_size": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": POSITIONS,
        "pad_token_id": 0,
    }
    network = kind(configuration(**common | (settings or {})))
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(torch.randn_like(weights) * 0.2)
    part = place.with_name(f"{place.name}-transformer")
    network.to(dtype).save_pretrained(part)
    (reads or tokenizer(model_max_length=POSITIONS - 2)).save_pretrained(part)
    modules = [
        Transformer(str(part), **options),
        *between(),
        Pooling(WIDTH, pooling_mode=pooling, include_prompt=include_prompt),
    ]
    model = SentenceTransformer(
        modules=[*modules, *more()],
        device="cpu",
        prompts=prompts,
        default_prompt_name=next(iter(prompts or ()), None),
        truncate_dim=truncate_dim,
    )
    model.save(str(place))
    return place


def static(place: Path) -> Path:
    """Save a table of vectors, no transformer."""
    words = tokenizer().backend_tokenizer
    SentenceTransformer(modules=[StaticEmbedding(words, embedding_dim=8)], device="cpu").save(
        str(place)
    )
    return place


def only_configured(place: Path, configuration: dict[str, Any]) -> Path:
    """Write a model's configuration, and no more of it."""
    place.mkdir()
    (place / "config.json").write_text(json.dumps(configuration))
    return place
