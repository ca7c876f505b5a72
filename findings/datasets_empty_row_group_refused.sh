#!/usr/bin/env bash
# datasets 5.2.0: a Parquet file that begins with a row group of no rows makes a whole directory unreadable
#
# Writers that flush before the first row leave such files, and pyarrow and Ray Data read them.
# The parquet loader takes the size of the first row group for its batch size, and a batch size of
# 0 is refused; the message that reaches the caller names neither the file nor the reason.
#
# Seen: DatasetGenerationError, "An error occurred while generating the dataset"; its cause is
# ArrowInvalid, "BatchSize must be greater than 0, got 0". pyarrow reads 2 rows.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
import os

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import load_dataset
from datasets.exceptions import DatasetGenerationError

table = pa.table({"text": ["one", "two"]})
os.mkdir("shards")
with pq.ParquetWriter("shards/train-00000.parquet", table.schema) as writer:
    writer.write_table(table.slice(0, 0))
pq.write_table(table, "shards/train-00001.parquet")
assert pq.read_metadata("shards/train-00000.parquet").num_row_groups == 1
print("pyarrow:", pq.read_table("shards").num_rows, "rows")
try:
    load_dataset("shards", split="train")
except DatasetGenerationError as error:
    print("datasets:", error, "|", repr(error.__cause__))
    assert "BatchSize must be greater than 0" in str(error.__cause__)
else:
    raise SystemExit("datasets reads it now")
PROGRAM
