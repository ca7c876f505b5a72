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
    Dense,
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
    LlamaConfig,
    LlamaModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
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
    reads: PreTrainedTokenizerFast | None = None,
    dtype: torch.dtype = torch.float32,
    pooling: Any = "mean",
    include_prompt: bool = True,
    more: Callable[[], list[Any]] = lambda: [Normalize()],
    prompts: dict[str, str] | None = None,
    **options: Any,
) -> Path:
    """Save a model of two layers; `options` are those of its `Transformer`."""
    torch.manual_seed(5)
    config = configuration(
        vocab_size=64,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=POSITIONS,
        pad_token_id=0,
    )
    network = kind(config)
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(torch.randn_like(weights) * 0.2)
    part = place.with_name(f"{place.name}-transformer")
    network.to(dtype).save_pretrained(part)
    (reads or tokenizer(model_max_length=POSITIONS - 2)).save_pretrained(part)
    modules = [
        Transformer(str(part), **options),
        Pooling(WIDTH, pooling_mode=pooling, include_prompt=include_prompt),
    ]
    model = SentenceTransformer(
        modules=[*modules, *more()],
        device="cpu",
        prompts=prompts,
        default_prompt_name=next(iter(prompts or ()), None),
    )
    model.save(str(place))
    return place


def without_length(place: Path) -> Path:
    """Save a RoBERTa whose files say nowhere how long a text may be."""
    return save(place, RobertaModel, RobertaConfig, tokenizer())


def mpnet(place: Path) -> Path:
    """Save a model whose attention torch's `scaled_dot_product_attention` can't compute."""
    return save(place, MPNetModel, MPNetConfig)


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


def smaller(dim: int) -> Callable[[], list[Any]]:
    return lambda: [Dense(WIDTH, dim), Normalize()]


# What fast engines take.
SHAPES: dict[str, Callable[[Path], Path]] = {
    "bfloat16 weights": lambda place: save(place, dtype=torch.bfloat16),
    "float16 weights": lambda place: save(place, dtype=torch.float16),
    "attention without SDPA": mpnet,
    "no maximum length": without_length,
    "cut at the left": lambda place: save(
        place, reads=tokenizer(model_max_length=16, truncation_side="left")
    ),
    "filled up at the left, last token": lambda place: save(
        place,
        LlamaModel,
        LlamaConfig,
        tokenizer(model_max_length=32, padding_side="left"),
        torch.bfloat16,
        "lasttoken",
    ),
    "lower-casing in the library's settings": lambda place: save(
        place, reads=tokenizer(lower=False, model_max_length=32), do_lower_case=True
    ),
    "maximum length in the library's settings": lambda place: save(
        place, reads=tokenizer(), max_seq_length=12
    ),
    "a default prompt": lambda place: save(
        place, prompts={"passage": "garden paper ", "query": "orbit "}
    ),
    "a prompt that isn't pooled": lambda place: save(
        place, prompts={"query": "garden paper "}, include_prompt=False
    ),
    "six poolings": lambda place: save(
        place,
        pooling=("cls", "max", "mean", "lasttoken", "weightedmean", "mean_sqrt_len_tokens"),
        more=list,
    ),
    "five numbers": lambda place: save(place, more=smaller(5)),
}
