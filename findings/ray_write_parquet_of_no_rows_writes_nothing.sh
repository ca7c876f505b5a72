#!/usr/bin/env bash
# Ray 2.60.0: write_parquet of a dataset without rows succeeds and leaves no directory
#
# A filter may keep nothing. write_parquet then ends without error and without a trace: no file
# with the columns, no directory. The next step of the pipeline, which reads what was written,
# fails for a missing path. pyarrow writes a file of no rows that has the schema.
#
# Seen: no directory "kept"; read_parquet raises FileNotFoundError. pyarrow: 0 rows, columns kept.
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
from ray.data.expressions import col

ray.data.range(10).filter(expr=col("id") > 50).write_parquet("kept")
print("written:", os.path.exists("kept"))
assert not os.path.exists("kept")
try:
    ray.data.read_parquet("kept").count()
except FileNotFoundError as error:
    print("read again:", repr(error))
else:
    raise SystemExit("Ray Data reads it now")
pq.write_table(pa.table({"id": pa.array([], pa.int64())}), "empty.parquet")
assert pq.read_table("empty.parquet").schema.names == ["id"]
PROGRAM
