#!/usr/bin/env bash
# datasets 5.2.0: in a csv column of texts, digits far down the file lose their leading zeros
#
# The csv loader reads 10,000 rows at a time and lets pandas guess the types of each such part
# anew. A part in which every text is made of digits is read as integers and cast back to the text
# type of the first part: article "007" is "7" by then. Under 10,000 rows the same file is read
# right.
#
# Seen: '007' in row 107 of 200, '7' in row 10,007 of 20,000.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
from datasets import load_dataset

words, numbers = [f"w{n}" for n in range(10_000)], [f"{n:03d}" for n in range(10_000)]
for name, texts in {"near.csv": [*words[:100], *numbers[:100]], "far.csv": [*words, *numbers]}.items():
    with open(name, "w") as file:
        file.write("\n".join(["text", *texts]) + "\n")
near = load_dataset("csv", data_files="near.csv", split="train")
far = load_dataset("csv", data_files="far.csv", split="train")
print("near:", repr(near[107]["text"]), "far:", repr(far[10_007]["text"]))
assert near[107]["text"] == "007"
assert far[10_007]["text"] == "7"
PROGRAM
