#!/usr/bin/env bash
# Ray 2.60.0: in an expression / has no fraction and // is not the floor
#
# col("id") / 2 of integers is an integer in Ray Data's expressions, unlike in Python, numpy and
# pandas, so that a share or a mean is silently cut. The floor division // cuts toward zero and
# returns floats. The same operators on a batch give what Python gives.
#
# Seen: 0 to 3 divided by 2 is 0, 0, 1, 1; -3 // 2 is -1.0 (Python: 1.5 for 3 / 2, -2 for -3 //
# 2).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" pyarrow==26.0.1 pandas==3.1.1
cd "$place"
RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")

from ray.data.expressions import col

rows = ray.data.range(4).with_column("below", col("id") - 3)
rows = rows.with_column("half", col("id") / 2).with_column("floor", col("below") // 2)
found = sorted(rows.take_all(), key=lambda row: row["id"])
print(found)
assert [row["half"] for row in found] == [0, 0, 1, 1]
assert [row["id"] / 2 for row in found] == [0, 0.5, 1, 1.5]
assert [row["floor"] for row in found] == [-1, -1, 0, 0]
assert [row["below"] // 2 for row in found] == [-2, -1, -1, 0]
PROGRAM
