#!/usr/bin/env bash
# datasets 5.2.0: load_dataset of a file with brackets in its name reads another file, or none
#
# data_files is given the path of one existing file. The brackets in it are taken for a pattern: a
# file whose name fits the pattern is read instead, in silence. Where there is no other file, the
# one that was asked for is not read either, and the message speaks of features and examples and
# not of names.
#
# Seen: for "notes [final].csv" the rows of "notes f.csv"; without that file
# DatasetGenerationError, whose cause is SchemaInferenceError, "Please pass `features` or at least
# one example when writing data".
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
import os

from datasets import load_dataset
from datasets.exceptions import DatasetGenerationError

asked, other = "notes [final].csv", "notes f.csv"
for name in (asked, other):
    with open(name, "w") as file:
        file.write(f"text\nfrom {name}\n")
rows = load_dataset("csv", data_files=asked, split="train")["text"][:]
print("asked for:", asked, "read:", rows)
assert rows == [f"from {other}"]
os.remove(other)
try:
    load_dataset("csv", data_files=asked, split="train")
except DatasetGenerationError as error:
    print(error, "|", repr(error.__cause__))
    assert "Please pass `features`" in str(error.__cause__)
else:
    raise SystemExit("datasets reads it now")
PROGRAM
