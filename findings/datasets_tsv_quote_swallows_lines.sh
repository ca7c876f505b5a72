#!/usr/bin/env bash
# datasets 5.2.0: a cell that begins with a quotation mark takes the lines after it, in silence
#
# In a file of tabs nothing needs quotes: a text may begin with one. The csv loader, told that the
# delimiter is a tab, still takes such a mark for the beginning of a quoted cell and reads on to
# the next mark, over line ends. Rows are missing, nothing is raised, nothing is logged.
#
# Seen: 101 of 300 rows, one of them 200 lines long.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
from datasets import load_dataset

texts = [('"' if row in (100, 299) else "") + f"word {row}" for row in range(300)]
with open("texts.tsv", "w") as file:
    file.write("\n".join(["id\ttext", *(f"{row}\t{text}" for row, text in enumerate(texts))]) + "\n")
found = load_dataset("csv", data_files="texts.tsv", delimiter="\t", split="train")
print(len(found), "of 300 rows; lines in the longest text:", max(t.count("\n") for t in found["text"]) + 1)
assert len(found) == 101
PROGRAM
