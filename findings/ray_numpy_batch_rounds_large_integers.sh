#!/usr/bin/env bash
# Ray 2.60.0: one null rounds the large integers of its numpy batch
#
# numpy has no integer that may be missing, so a batch with a null has floats, and a 64-bit id of
# more than 53 bits comes out as its neighbour. Only batches with a null are changed: the column
# then has two types, and which rows are wrong depends on the batch size.
#
# Seen: 9007199254740993 comes out as 9007199254740992.0 from a batch with a null, unchanged from
# one without.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" pyarrow==26.0.1 pandas==3.1.1
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error")

import pyarrow as pa

large = 2**53 + 1


def through(ids):
    table = pa.table({"id": pa.array(ids, pa.int64())})
    return [row["id"] for row in ray.data.from_arrow(table).map_batches(lambda batch: batch).take_all()]


without, with_null = through([large, 1]), through([large, None])
print(without, with_null)
assert without[0] == large
assert with_null[0] == float(large - 1)
assert int(with_null[0]) != large
PROGRAM
