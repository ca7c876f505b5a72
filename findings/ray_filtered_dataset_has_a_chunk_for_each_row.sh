#!/usr/bin/env bash
# Ray 2.60.0 with datasets 5.2.0: a filtered or shuffled dataset reaches Ray Data with one chunk for each row
#
# filter and shuffle of datasets leave the table as it is and note which rows are meant.
# from_huggingface hands such a dataset over row by row: one block whose every column has as many
# chunks as rows, and each later step has to walk through all of them. flatten_indices first leaves
# one chunk.
#
# Seen: chunks: 1 plain, 999 filtered, 1000 shuffled, 1 after flatten_indices.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 aiohttp==3.14.5
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error")

import datasets

datasets.disable_progress_bars()
plain = datasets.Dataset.from_dict({"text": [f"w{row}" for row in range(1000)]})
filtered, shuffled = plain.filter(lambda row: row["text"] != "w0"), plain.shuffle(seed=1)


def chunks(dataset):
    [block] = ray.get(ray.data.from_huggingface(dataset).materialize().to_arrow_refs())
    return block.column("text").num_chunks


found = [chunks(each) for each in (plain, filtered, shuffled, filtered.flatten_indices())]
print(found)
assert found == [1, 999, 1000, 1]
PROGRAM
