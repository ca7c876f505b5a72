#!/usr/bin/env bash
# Ray 2.60.0: a limit after map_batches waits until the whole block is computed
#
# limit and take are the usual way to look at the first rows of a costly step, and the
# documentation gives limit's time as O(limit). After map that holds. After map_batches, with one
# row a call, the function is called for every row of the block first, and the rows beyond the
# limit are thrown away.
#
# Seen: for 5 rows of a block of 100, map calls its function 5 times, map_batches 100 times.
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
import tempfile


def counted(name):
    os.mkdir(name)
    calls = os.path.abspath(name)

    def function(data):
        os.close(tempfile.mkstemp(dir=calls)[0])
        return data

    return function


rows = ray.data.range(100, override_num_blocks=1)
for each in (
    rows.map(counted("map")).limit(5),
    rows.map_batches(counted("map_batches"), batch_size=1).limit(5),
):
    assert len(each.take_all()) == 5
found = {name: len(os.listdir(name)) for name in ("map", "map_batches")}
print(found)
assert found == {"map": 5, "map_batches": 100}
PROGRAM
