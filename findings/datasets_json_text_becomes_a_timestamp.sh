#!/usr/bin/env bash
# datasets 5.2.0: a JSON Lines column of texts that look like dates is no text any more
#
# JSON has no dates: what stands in quotes is text. The json loader reads a column whose every
# value looks like a date as timestamps, so the same column is text in one file and timestamps in
# another, and "text" can no longer be tokenized.
#
# Seen: Value('timestamp[s]'), datetime.datetime(2024, 1, 1, 0, 0).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
from datasets import load_dataset

with open("days.jsonl", "w") as file:
    file.write('{"text": "2024-01-01"}\n{"text": "2024-01-02"}\n')
found = load_dataset("json", data_files="days.jsonl", split="train")
print(found.features["text"], found[0]["text"])
assert found.features["text"].dtype == "timestamp[s]"
PROGRAM
