#!/usr/bin/env bash
# Ray 2.60.0: one errored block takes the rows of healthy blocks with it
#
# max_errored_blocks = 1 lets a job go on after one bad block, whose rows are dropped. Where a
# batch is larger than a block, several blocks are put together for one call; if it fails, the
# rows of all of them are dropped, and this counts as one block.
#
# Seen: 40 rows in blocks of 10, row 0 is bad: 30 rows are left with batches of 10, 20 with
# batches of 20.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" pyarrow==26.0.1 pandas==3.1.1
cd "$place"
RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")

ray.data.DataContext.get_current().max_errored_blocks = 1


def refuse_row_0(batch):
    if 0 in batch["id"]:
        raise ValueError("row 0 is bad")
    return batch


def rows_left(batch_size):
    rows = ray.data.range(40, override_num_blocks=4)
    return len(rows.map_batches(refuse_row_0, batch_size=batch_size).take_all())


found = {batch_size: rows_left(batch_size) for batch_size in (10, 20)}
print("rows left by batch size:", found)
assert found == {10: 30, 20: 20}
PROGRAM
