#!/usr/bin/env bash
# sentence-transformers 6.2.0: with truncate_dim a model that normalizes returns vectors of other lengths
#
# A model whose last module is Normalize, as many published ones have, returns vectors of length
# 1, for which a dot product is the cosine; indexes rely on it. truncate_dim cuts the vectors
# after that module, and their lengths then differ from text to text. normalize_embeddings=True,
# which changes nothing without truncate_dim, is needed with it.
#
# Seen: lengths 1, 1, 1 without it; 0.23, 0.28, 0.36 with truncate_dim=8; 1, 1, 1 with
# normalize_embeddings too.
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

texts = ["w1 w2", "w3", "w4 w5 w6"]


def lengths(**arguments):
    return np.linalg.norm(model.encode(texts, **arguments), axis=1)


whole, cut, again = lengths(), lengths(truncate_dim=8), lengths(truncate_dim=8, normalize_embeddings=True)
print("whole:", whole, "cut:", cut, "normalized again:", again)
assert np.allclose(whole, 1)
assert (cut < 0.9).all() and np.ptp(cut) > 0.01
assert np.allclose(again, 1)
PROGRAM
