#!/usr/bin/env bash
# Ray 2.60.0: with one NaN in a column the mean is None, while the smallest value is found
#
# A NaN is a float, and pandas and numpy either skip it everywhere or return NaN everywhere. Ray
# Data skips it for the minimum and the maximum; the sum, the mean and the standard deviation of
# the same column are None, as if it had no values at all.
#
# Seen: min 1.0, max 3.0, sum None, mean None, std None for 1.0, NaN, 3.0.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" pyarrow==26.0.1 pandas==3.1.1
cd "$place"
RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")

rows = ray.data.from_items([{"score": score} for score in (1.0, float("nan"), 3.0)])
found = {name: getattr(rows, name)("score") for name in ("min", "max", "sum", "mean", "std")}
print(found)
assert found == {"min": 1.0, "max": 3.0, "sum": None, "mean": None, "std": None}
PROGRAM
