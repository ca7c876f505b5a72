#!/usr/bin/env bash
# Ray 2.60.0: in a numpy batch a dictionary column has another row's value where it had null
#
# A dictionary-encoded column, such as pandas categories become, goes through map_batches with the
# default batch format and a function that returns its batch untouched. Rows without a value come
# out with a value of the dictionary. With batch_format="pyarrow" they stay null.
#
# Seen: ['a', 'b', None, 'a'] comes out as ['a', 'b', 'b', 'a'].
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

column = pa.array(["a", "b", None, "a"]).dictionary_encode()
given = ray.data.from_arrow(pa.table({"kind": column}))


def through(batch_format):
    rows = given.map_batches(lambda batch: batch, batch_format=batch_format).take_all()
    return [row["kind"] for row in rows]


print("numpy:", through("numpy"), "pyarrow:", through("pyarrow"))
assert through("pyarrow") == ["a", "b", None, "a"]
assert through("numpy") == ["a", "b", "b", "a"]
PROGRAM
