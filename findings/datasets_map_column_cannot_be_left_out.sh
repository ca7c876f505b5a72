#!/usr/bin/env bash
# datasets 5.2.0: a Parquet file with a map column is refused, also when only its text column is asked for
#
# The parquet loader takes `columns`, and pyarrow reads the one column without trouble. But the
# features are made from the schema of the whole file first, where a map has no counterpart; so a
# column that nobody wants keeps the others from being read.
#
# Seen: ValueError, "Arrow type map<string, int64 ('tags')> does not have a datasets dtype
# equivalent."
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

tags = pa.array([[("lang", 1)]], pa.map_(pa.string(), pa.int64()))
pq.write_table(pa.table({"text": ["a"], "tags": tags}), "tagged.parquet")
print("pyarrow:", pq.read_table("tagged.parquet", columns=["text"]).to_pylist())
try:
    load_dataset("parquet", data_files="tagged.parquet", columns=["text"], split="train")
except ValueError as error:
    print("datasets:", error)
    assert "does not have a datasets dtype equivalent" in str(error)
else:
    raise SystemExit("datasets reads it now")
PROGRAM
