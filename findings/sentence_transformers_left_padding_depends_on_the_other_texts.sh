#!/usr/bin/env bash
# sentence-transformers 6.2.0: with padding at the left, an embedding depends on the texts beside it
#
# BERT, RoBERTa and GPT-2 count positions from the first place of a row, padding included. Where the
# tokenizer pads at the left, as it does for models that pool the last token, the words of a shorter
# text move to later positions: its vector is another one in each batch, with no warning.
#
# Seen: cosine 0.88 to the same text encoded alone, where padding at the right gives 1.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet sentence-transformers==6.2.0 torch==2.13.0 transformers==5.23.0
cd "$place"
HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast

torch.manual_seed(0)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(200))]
small = BertConfig(
    vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
)
network = BertModel(small)
with torch.no_grad():
    for weights in network.parameters():
        weights.add_(torch.randn_like(weights) * 0.2)
network.save_pretrained("bert")
BertTokenizerFast(vocab={word: n for n, word in enumerate(words)}).save_pretrained("bert")
model = SentenceTransformer(modules=[Transformer("bert"), Pooling(32), Normalize()], device="cpu")

short, long = "w1 w2 w3", " ".join(f"w{n}" for n in range(60))
cosines = {}
for side in ("right", "left"):
    model.tokenizer.padding_side = side
    alone, beside = model.encode([short])[0], model.encode([short, long])[0]
    cosines[side] = float(alone @ beside)
print(cosines)
assert cosines["right"] > 0.9999
assert cosines["left"] < 0.9
PROGRAM
