#!/usr/bin/env bash
# sentence-transformers 6.2.0: encode of no texts has one axis less and another type than of one
#
# A batch without texts, such as a filter leaves, is encoded to an array of shape (0,) and
# float64. The embeddings of other batches cannot be joined with it, and its width is lost; a
# reshape by hand still turns the joined array to float64.
#
# Seen: float64 (0,) and float32 (1, 32); np.concatenate raises ValueError.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet sentence-transformers==6.2.0 torch==2.13.0 transformers==5.23.0
cd "$place"
HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast

torch.manual_seed(0)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(200))]
small = BertConfig(
    vocab_size=len(words), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
)
BertModel(small).save_pretrained("bert")
BertTokenizerFast(vocab={word: n for n, word in enumerate(words)}).save_pretrained("bert")
model = SentenceTransformer(modules=[Transformer("bert"), Pooling(32), Normalize()], device="cpu")

none, one = model.encode([]), model.encode(["w1"])
print(none.dtype, none.shape, one.dtype, one.shape)
assert (none.dtype, none.shape) == (np.float64, (0,))
assert (one.dtype, one.shape) == (np.float32, (1, 32))
try:
    np.concatenate([none, one])
except ValueError as error:
    print(error)
else:
    raise SystemExit("they can be joined now")
PROGRAM
