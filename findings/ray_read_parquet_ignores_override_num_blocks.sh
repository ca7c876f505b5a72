#!/usr/bin/env bash
# Ray 2.60.0: read_parquet of several files makes one block, whatever override_num_blocks asks for
#
# override_num_blocks is documented as the number of output blocks of a read. For several small
# files read_parquet makes one block all the same, so that a pool of actors behind it gets all rows
# in one block and all but one of its actors have no work. range follows the option, and repartition
# after the read makes the number that was asked for.
#
# Seen: four files of 25,000 rows: 1 block for 1, 4 and 8; range makes 4 of 4, repartition 4.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" pyarrow==26.0.1 pandas==3.1.1
cd "$place"
RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")

import os

import pyarrow as pa
import pyarrow.parquet as pq

os.mkdir("files")
for part in range(4):
    pq.write_table(pa.table({"id": list(range(25_000))}), f"files/{part}.parquet")


def blocks(rows):
    return rows.materialize().num_blocks()


found = [blocks(ray.data.read_parquet("files", override_num_blocks=asked)) for asked in (1, 4, 8)]
print("asked for 1, 4, 8:", found)
assert found == [1, 1, 1]
assert blocks(ray.data.range(100_000, override_num_blocks=4)) == 4
assert blocks(ray.data.read_parquet("files").repartition(4)) == 4
PROGRAM
