#!/usr/bin/env bash
# transformers 5.23.0: a saved tokenizer keeps the truncation and the padding of its last call
#
# truncation and max_length are arguments of a call. save_pretrained writes those of the last call
# into tokenizer.json all the same. transformers ignores them when it reads the file; the
# tokenizers library, used on its own with the same file, cuts every text to that length. So a
# text tried out before saving decides what another program gets.
#
# Seen: after a call with max_length=2, tokenizers gives 2 tokens of 4, and AutoTokenizer 4.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet transformers==5.23.0
cd "$place"
HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

words = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1, "b": 2, "c": 3, "d": 4}, unk_token="[UNK]"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")
text = "a b c d"


def lengths(name):
    tokenizer.save_pretrained(name)
    plain = Tokenizer.from_file(f"{name}/tokenizer.json").encode(text).ids
    return len(plain), len(AutoTokenizer.from_pretrained(name)(text)["input_ids"])


before = lengths("before")
tokenizer(text, truncation=True, max_length=2)
after = lengths("after")
print("tokens in tokenizers and in transformers: before", before, "after", after)
assert before == (4, 4)
assert after == (2, 4)
PROGRAM
