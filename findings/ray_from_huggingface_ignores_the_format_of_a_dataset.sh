#!/usr/bin/env bash
# Ray 2.60.0 with datasets 5.2.0: from_huggingface ignores the transform and the columns that are set
#
# with_transform and with_format(columns=…) of datasets set what a reader of the dataset gets, and
# rows, slices and batches taken from it follow them. from_huggingface takes the table below: the
# texts are not transformed, and the columns that were left out are there.
#
# Seen: ['A', 'B'] in datasets, ['a', 'b'] in Ray Data; only 'n' in datasets, 'text' and 'n' in
# Ray Data.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 aiohttp==3.14.5
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")

import datasets

plain = datasets.Dataset.from_dict({"text": ["a", "b"], "n": [1, 2]})
upper = plain.with_transform(lambda batch: {"text": [text.upper() for text in batch["text"]]})
narrow = plain.with_format("numpy", columns=["n"])
texts = [row["text"] for row in ray.data.from_huggingface(upper).take_all()]
columns = ray.data.from_huggingface(narrow).columns()
print("datasets:", upper[:]["text"], list(narrow[0]), "Ray Data:", texts, columns)
assert upper[:]["text"] == ["A", "B"]
assert texts == ["a", "b"]
assert list(narrow[0]) == ["n"]
assert sorted(columns) == ["n", "text"]
PROGRAM
