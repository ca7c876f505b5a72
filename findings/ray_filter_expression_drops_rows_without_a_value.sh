#!/usr/bin/env bash
# Ray 2.60.0: filter with an expression drops rows that filter with the same condition keeps
#
# filter(fn) warns that an expression would be faster: "Use 'expr' instead of 'fn' when possible".
# The condition is the same in writing, not in effect: in the expression a missing value compared
# with anything is missing, and the row is dropped. No error and no other warning tells of it.
#
# Seen: of 'b', None, 'a', those other than 'a': ['b', None] with a function, ['b'] with an
# expression.
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

rows = ray.data.from_items([{"label": label} for label in ("b", None, "a")])
kept = [row["label"] for row in rows.filter(lambda row: row["label"] != "a").take_all()]
kept_by_expression = [row["label"] for row in rows.filter(expr=col("label") != "a").take_all()]
print("function:", kept, "expression:", kept_by_expression)
assert kept == ["b", None]
assert kept_by_expression == ["b"]
PROGRAM
