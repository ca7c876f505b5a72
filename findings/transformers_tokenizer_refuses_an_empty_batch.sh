#!/usr/bin/env bash
# transformers 5.23.0: a tokenizer of a batch of no texts raises IndexError
#
# A filter may leave a batch without texts. The tokenizers library gives no encodings for no
# texts; the tokenizer of transformers, which wraps it, looks at the first encoding for the names
# of its columns and raises an error that names neither the batch nor the texts.
#
# Seen: IndexError, "list index out of range"; tokenizers: [].
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet transformers==5.23.0
cd "$place"
HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

words = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
assert words.encode_batch([]) == []
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")
assert tokenizer(["a"])["input_ids"] == [[1]]
try:
    tokenizer([])
except IndexError as error:
    print(repr(error))
else:
    raise SystemExit("it takes an empty batch now")
PROGRAM
