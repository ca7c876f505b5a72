#!/usr/bin/env bash
# datasets 5.2.0: the column of a partitioned Parquet directory is missing, in silence
#
# Spark, pandas and pyarrow write a partitioned dataset as directories named key=value and leave
# the key out of the files. pyarrow and Ray Data put it back when they read. load_dataset of the
# same directory reads all rows and has no such column.
#
# Seen: columns ['text'] of 4 rows; pyarrow has ['text', 'lang'].
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import load_dataset

table = pa.table({"text": ["a", "b", "c", "d"], "lang": ["en", "en", "de", "de"]})
pq.write_to_dataset(table, "texts", partition_cols=["lang"])
found = load_dataset("texts", split="train")
print("datasets:", found.column_names, len(found), "rows; pyarrow:", pq.read_table("texts").column_names)
assert len(found) == 4
assert "lang" not in found.column_names
assert "lang" in pq.read_table("texts").column_names
PROGRAM
