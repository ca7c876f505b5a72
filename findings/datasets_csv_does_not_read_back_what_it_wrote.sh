#!/usr/bin/env bash
# datasets 5.2.0: texts that to_csv has written are missing when load_dataset reads them
#
# The text "NA" (Namibia, or a label), the text "None" and the empty text are texts in a dataset,
# and to_csv writes them as such. The csv loader of the same library turns each into a missing
# value. With keep_default_na=False the first two come back, and missing values become empty
# texts.
#
# Seen: ['a', 'NA', 'None', '', None] comes back as ['a', None, None, None, None].
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
from datasets import Dataset, load_dataset

texts = ["a", "NA", "None", "", None]
Dataset.from_dict({"text": texts}).to_csv("texts.csv", index=False)
back = load_dataset("csv", data_files="texts.csv", split="train")["text"][:]
kept = load_dataset("csv", data_files="texts.csv", split="train", keep_default_na=False)["text"][:]
print(texts, back, kept)
assert back == ["a", None, None, None, None]
assert kept == ["a", "NA", "None", "", ""]
PROGRAM
