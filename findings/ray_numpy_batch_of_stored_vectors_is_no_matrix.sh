#!/usr/bin/env bash
# Ray 2.60.0: vectors of a fixed length, read from Parquet, arrive as an array of objects
#
# Arrow has a type for vectors of one length, a list of fixed size, whose values lie side by side
# like those of a matrix. A numpy batch of Ray Data has an array of objects instead, a small array
# for each row, so that row-wise numpy functions fail; vectors that Ray Data has made itself come
# as a matrix.
#
# Seen: dtype object, shape (3,), and np.linalg.norm(…, axis=1) raises AxisError; made by Ray
# Data: dtype float32, shape (3, 4).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" pyarrow==26.0.1 pandas==3.1.1
cd "$place"
RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

matrix = np.ones((3, 4), "float32")
vectors = pa.FixedSizeListArray.from_arrays(matrix.ravel(), 4)
pq.write_table(pa.table({"embedding": vectors}), "vectors.parquet")
assert pq.read_schema("vectors.parquet").field("embedding").type == pa.list_(pa.float32(), 4)
read = ray.data.read_parquet("vectors.parquet").take_batch()["embedding"]
rows = ray.data.range(3, override_num_blocks=1)
made = rows.map_batches(lambda _: {"embedding": matrix}).take_batch()["embedding"]
print("read:", read.dtype, read.shape, "made:", made.dtype, made.shape)
assert (read.dtype, read.shape) == (np.dtype(object), (3,))
assert (made.dtype, made.shape) == (np.dtype("float32"), (3, 4))
try:
    np.linalg.norm(read, axis=1)
except np.exceptions.AxisError as error:
    print(error)
else:
    raise SystemExit("it is a matrix now")
PROGRAM
