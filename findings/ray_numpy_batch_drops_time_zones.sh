#!/usr/bin/env bash
# Ray 2.60.0: a numpy batch that nobody touches loses the time zone, and a date is none any more
#
# A function that returns its batch as it got it, in the default batch format, changes the types
# of the columns: a timestamp with a time zone loses the zone, its clock time becomes UTC, a date
# becomes a timestamp, and a decimal gets the precision that its values happen to need, so that
# two blocks of one dataset may differ. With batch_format="pyarrow" all stay.
#
# Seen: timestamp[us, tz=Europe/Berlin], date32[day], decimal128(20, 2) come out as timestamp[us],
# timestamp[s], decimal128(3, 2); 13:00 in Berlin is 12:00.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" pyarrow==26.0.1 pandas==3.1.1
cd "$place"
RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")

import datetime
import decimal

import pyarrow as pa

noon = datetime.datetime(2024, 1, 1, 12)
table = pa.table(
    {
        "at": pa.array([noon], pa.timestamp("us", "Europe/Berlin")),
        "day": pa.array([noon.date()], pa.date32()),
        "price": pa.array([decimal.Decimal("1.50")], pa.decimal128(20, 2)),
    }
)


def through(batch_format):
    rows = ray.data.from_arrow(table).map_batches(lambda batch: batch, batch_format=batch_format)
    [block] = ray.get(rows.materialize().to_arrow_refs())
    return block


print(through("numpy").schema, through("numpy").to_pylist(), through("pyarrow").to_pylist(), sep="\n")
assert through("pyarrow").schema.equals(table.schema)
assert through("numpy").schema.types == [pa.timestamp("us"), pa.timestamp("s"), pa.decimal128(3, 2)]
assert table["at"][0].as_py().hour == 13
assert through("numpy")["at"][0].as_py().hour == 12
PROGRAM
