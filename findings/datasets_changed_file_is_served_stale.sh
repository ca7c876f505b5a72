#!/usr/bin/env bash
# datasets 5.2.0: a changed file whose modification time was kept is served as it was before
#
# Copies often keep the time of the original (cp -p, rsync -t, tar, a restored backup).
# load_dataset recognizes a local file by its path and its modification time alone: the rows of
# the first reading come out of the cache, although the file has another size and other rows.
#
# Seen: ['one'] after the file has the rows one, two, three.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
import os

from datasets import load_dataset


def read(*rows):
    with open("texts.csv", "w") as file:
        file.write("\n".join(["text", *rows]) + "\n")
    os.utime("texts.csv", (1_700_000_000, 1_700_000_000))
    return load_dataset("csv", data_files="texts.csv", split="train")["text"][:]


first, second = read("one"), read("one", "two", "three")
print(first, second)
assert first == ["one"]
assert second == ["one"]
PROGRAM
