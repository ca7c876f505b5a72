#!/usr/bin/env bash
# Ray 2.60.0: a column of lists that nobody touches is written as a type that only Ray knows
#
# A column of lists of different lengths goes through a numpy batch and is written as Parquet. It
# is then no list: other readers find a struct of a flat list and a shape, and a reader that
# unpacks it has to know of Ray. With batch_format="pyarrow" the file has the list that came in.
#
# Seen: in the Parquet schema, tokens {data (List), shape (List)} instead of tokens (List).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" pyarrow==26.0.1 pandas==3.1.1
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error")

import glob

import pyarrow as pa
import pyarrow.parquet as pq

given = ray.data.from_arrow(pa.table({"tokens": pa.array([[1, 2], [3], [4, 5, 6]])}))
types = {}
for batch_format in ("numpy", "pyarrow"):
    given.map_batches(lambda batch: batch, batch_format=batch_format).write_parquet(batch_format)
    [path] = glob.glob(f"{batch_format}/*.parquet")
    # Without the schema that Arrow leaves in the file: what a reader that isn't Arrow sees.
    types[batch_format] = pq.ParquetFile(path).schema
    print(batch_format, str(types[batch_format]).splitlines()[2:])
assert "shape" in str(types["numpy"])
assert "shape" not in str(types["pyarrow"])
PROGRAM
