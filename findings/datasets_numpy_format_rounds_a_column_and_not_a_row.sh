#!/usr/bin/env bash
# datasets 5.2.0: with the numpy format a number depends on whether a row or the column is asked for
#
# A column of float64, such as seconds since 1970, comes as float32 when it is read as a column
# and as float64 when it is read from its row. float32 has 24 bits: a time is off by up to a
# minute, in the column only. with_format("numpy", dtype="float64") keeps all.
#
# Seen: 1700000001.0 (float64) by row, 1700000000.0 (float32) by column.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
import numpy as np
from datasets import Dataset

times = Dataset.from_dict({"at": [1_700_000_001.0, 1_700_000_002.0]}).with_format("numpy")
by_row, by_column = times[0]["at"], times["at"][:][0]
print("row:", by_row, by_row.dtype, "column:", float(by_column), by_column.dtype)
assert times.features["at"].dtype == "float64"
assert by_row.dtype == np.float64 and by_row == 1_700_000_001
assert by_column.dtype == np.float32 and by_column == 1_700_000_000
assert times.with_format("numpy", dtype="float64")["at"][:][0] == 1_700_000_001
PROGRAM
