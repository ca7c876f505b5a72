#!/usr/bin/env bash
# pyarrow 26.0.1: a Parquet file with a dictionary in a list can't be read as a whole if it has two row groups
#
# A dictionary (a pandas categorical) that stands in a list, struct or map is written without
# complaint. ParquetFile.read and iter_batches fail on the file once it has more than one row
# group, whatever its size: each group has a dictionary of its own, and they aren't joined below
# the top level. One row group at a time, and through pyarrow.dataset, it can be read.
#
# Seen: ArrowNotImplementedError, "Nested data conversions not implemented for chunked array
# outputs", for 4 rows in groups of 2.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet pyarrow==26.0.1
cd "$place"
venv/bin/python - <<'PROGRAM'
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

rows = [["a"], ["b", "c"], None, ["a"]]
table = pa.table({"tags": pa.array(rows, pa.list_(pa.dictionary(pa.int32(), pa.string())))})
pq.write_table(table, "tags.parquet", row_group_size=2)
file = pq.ParquetFile("tags.parquet")
for name, read in {"read": file.read, "iter_batches": lambda: list(file.iter_batches())}.items():
    try:
        read()
    except pa.ArrowNotImplementedError as error:
        print(f"{name}:", error)
        assert "Nested data conversions not implemented" in str(error)
    else:
        raise SystemExit(f"{name} reads it now")
groups = [file.read_row_group(group) for group in range(file.num_row_groups)]
assert pa.concat_tables(groups)["tags"].to_pylist() == rows
assert ds.dataset("tags.parquet").to_table()["tags"].to_pylist() == rows
print("one row group at a time, and pyarrow.dataset: 4 rows")
PROGRAM
