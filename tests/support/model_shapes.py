"""The models of `tiny_models` that the fast engines take, by what is particular about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Dropout,
    LayerNorm,
    Normalize,
    Router,
    WeightedLayerPooling,
    WordWeights,
)
from torch.nn import GELU, Identity
from transformers import (
    AlbertConfig,
    AlbertModel,
    BartConfig,
    BartModel,
    BertConfig,
    BertForMaskedLM,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraModel,
    GemmaConfig,
    GemmaModel,
    GPT2Config,
    GPT2Model,
    LlamaConfig,
    LlamaModel,
    MistralConfig,
    MistralModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    NomicBertConfig,
    NomicBertModel,
    Qwen3Config,
    Qwen3Model,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5EncoderModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from tests.support.tiny_models import WIDTH, save, tokenizer

Shape = Callable[[Path], Path]


def without_length(place: Path) -> Path:
    """Save a RoBERTa whose files say nowhere how long a text may be."""
    return save(place, RobertaModel, RobertaConfig, reads=tokenizer())


def mpnet(place: Path) -> Path:
    """Save a model whose attention torch's `scaled_dot_product_attention` can't compute."""
    return save(place, MPNetModel, MPNetConfig)


def without_tokenizer_settings(place: Path, *vocabulary: str) -> Path:
    """Leave of a tokenizer's files only its tokenizer.json, or a list of words."""
    (save(place) / "tokenizer_config.json").unlink()
    if vocabulary:
        (place / "tokenizer.json").unlink()
        (place / "vocab.txt").write_text("\n".join(vocabulary))
    return place


def words() -> list[str]:
    known = tokenizer().get_vocab()
    return sorted(known, key=known.__getitem__)


def pickled(place: Path) -> Path:
    """Save a model with its weights as torch pickles them."""
    for file in list(save(place, more=smaller(5)).rglob("model.safetensors")):
        torch.save(load_file(file), file.with_name("pytorch_model.bin"))
        file.unlink()
    return place


def in_parts(place: Path) -> Path:
    """Save a model with its weights in several files."""
    network = BertModel.from_pretrained(save(place))
    (place / "model.safetensors").unlink()
    network.save_pretrained(place, max_shard_size="10KB")
    assert len(list(place.glob("model-*.safetensors"))) > 1
    return place


def with_old_pooling(place: Path) -> Path:
    """Save a model whose pooling is configured as the library did it before its version 5."""
    old = {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": False}
    old["pooling_mode_cls_token"] = True
    (save(place) / "1_Pooling" / "config.json").write_text(json.dumps(old))
    return place


def routed() -> list[Any]:
    return [Router({"query": [Dense(WIDTH, 8)], "doc": [Dense(WIDTH, 8)]}, default_route="doc")]


def smaller(dim: int) -> Callable[[], list[Any]]:
    return lambda: [Dense(WIDTH, dim), Normalize()]


def network(kind: Any, configuration: Any, **settings: Any) -> Shape:
    reads = tokenizer(model_max_length=32)
    return partial(save, kind=kind, configuration=configuration, settings=settings, reads=reads)


NETWORKS: dict[str, Shape] = {
    "an ALBERT": network(AlbertModel, AlbertConfig, embedding_size=16),
    "a BART": network(
        BartModel,
        BartConfig,
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
    ),
    "a DeBERTa with relative positions": network(
        DebertaV2Model,
        DebertaV2Config,
        relative_attention=True,
        pos_att_type=["p2c", "c2p"],
        position_buckets=8,
    ),
    "a DistilBERT": network(DistilBertModel, DistilBertConfig),
    "an ELECTRA": network(ElectraModel, ElectraConfig, embedding_size=16),
    "a Gemma": network(GemmaModel, GemmaConfig, num_key_value_heads=1, head_dim=12),
    "a GPT-2": network(GPT2Model, GPT2Config),
    "a masked language model": network(BertForMaskedLM, BertConfig),
    "a Mistral that attends within a window": network(
        MistralModel, MistralConfig, num_key_value_heads=1, sliding_window=6
    ),
    "a ModernBERT that attends within a window": network(
        ModernBertModel,
        ModernBertConfig,
        cls_token_id=2,
        bos_token_id=2,
        sep_token_id=3,
        eos_token_id=3,
        local_attention=8,
    ),
    "a NomicBERT": network(NomicBertModel, NomicBertConfig),
    "a Qwen3": network(Qwen3Model, Qwen3Config, num_key_value_heads=1, head_dim=12),
    "a T5": network(T5EncoderModel, T5Config, d_kv=12, d_ff=32),
    "an XLM-RoBERTa": network(XLMRobertaModel, XLMRobertaConfig, pad_token_id=1, type_vocab_size=1),
}

SHAPES: dict[str, Shape] = NETWORKS | {
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
        reads=tokenizer(model_max_length=32, padding_side="left"),
        dtype=torch.bfloat16,
        pooling="lasttoken",
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
    "fewer numbers than its modules make": lambda place: save(place, truncate_dim=7),
    "dropout, and two normalizations": lambda place: save(
        place, more=lambda: [LayerNorm(WIDTH), Dropout(0.5), Normalize(), Normalize()]
    ),
    "a dense layer without bias": lambda place: save(
        place, more=lambda: [Dense(WIDTH, 40, bias=False, activation_function=GELU())]
    ),
    "a dense layer after normalizing": lambda place: save(
        place, more=lambda: [Normalize(), Dense(WIDTH, 6, activation_function=Identity())]
    ),
    "a dense layer for each task": lambda place: save(place, more=routed),
    "layers that are weighted": lambda place: save(
        place,
        between=lambda: [WeightedLayerPooling(WIDTH, num_hidden_layers=2, layer_start=0)],
        config_kwargs={"output_hidden_states": True},
    ),
    "words that are weighted": lambda place: save(
        place, between=lambda: [WordWeights(words(), dict.fromkeys(words()[6:], 0.3))]
    ),
    "float64 weights": lambda place: save(place, dtype=torch.float64),
    "pickled weights": pickled,
    "weights in parts": in_parts,
    "pooling in old words": with_old_pooling,
    "a tokenizer.json and no settings": without_tokenizer_settings,
    "a vocab.txt and no tokenizer.json": lambda place: without_tokenizer_settings(place, *words()),
    "a prompt longer than what it reads": lambda place: save(
        place,
        reads=tokenizer(model_max_length=6),
        prompts={"query": "garden paper " * 4},
    ),
    "a prompt that isn't pooled, filled up at the left": lambda place: save(
        place,
        LlamaModel,
        LlamaConfig,
        reads=tokenizer(model_max_length=32, padding_side="left"),
        prompts={"query": "garden paper "},
        include_prompt=False,
    ),
}
