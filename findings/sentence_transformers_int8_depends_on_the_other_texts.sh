#!/usr/bin/env bash
# sentence-transformers 6.2.0: an int8 embedding of a text depends on the texts beside it
#
# precision="int8" takes the range of each dimension from the texts of the call. The same text,
# encoded with two other sets of 199, has different numbers, so that two calls, or two batches of
# one job, cannot be compared; a warning comes only for fewer than 100 texts. One text alone is
# refused, and the model's own similarity refuses the type.
#
# Seen: all 32 dimensions differ, by 2 to 40 steps of 256; ValueError for one text, RuntimeError
# from similarity.
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

rng = np.random.default_rng(0)
texts = [" ".join(f"w{n}" for n in rng.integers(0, 200, 8)) for _ in range(400)]
first = model.encode(texts[:200], precision="int8")
second = model.encode([texts[0], *texts[201:]], precision="int8")
steps = np.abs(first[0].astype(int) - second[0])
print("steps apart:", steps.tolist())
assert steps.max() >= 5
for name, call in {
    "one text": lambda: model.encode(texts[:1], precision="int8"),
    "similarity": lambda: model.similarity(first, first),
}.items():
    try:
        call()
    except (ValueError, RuntimeError) as error:
        print(f"{name}: {error!r}")
    else:
        raise SystemExit(f"{name}: it works now")
PROGRAM
