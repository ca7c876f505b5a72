#!/usr/bin/env bash
# Ray 2.60.0: an image that Ray Data has written is a flat list of pixels to every other reader
#
# Arrow has a tensor type of its own, whose shape any reader may know. Ray Data writes arrays of
# more than one axis as an extension type of Ray's; pyarrow without Ray, pandas, DuckDB, Polars
# and datasets read the list below it. The values are right and the shape is gone. Polars alone
# warns, of a type that it does not know.
#
# Seen: each of the five gives [0, 1, 2, 3, 4, 5] for [[0, 1, 2], [3, 4, 5]]; Ray Data gives shape
# (2, 3).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 polars==1.42.1 duckdb==1.5.6
cd "$place"
RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")

import numpy as np

image = np.arange(6, dtype="uint8").reshape(2, 3)
rows = ray.data.range(1, override_num_blocks=1).map_batches(lambda _: {"image": image[None]})
rows.write_parquet("images")
[read] = ray.data.read_parquet("images").take_all()
print("Ray Data:", read["image"].tolist())
assert read["image"].shape == (2, 3)
PROGRAM
# A process in which nothing has imported Ray.
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
import glob

import datasets
import duckdb
import pandas
import polars
import pyarrow.parquet as pq

[path] = glob.glob("images/*.parquet")
found = {
    "pyarrow": pq.read_table(path)["image"][0].as_py(),
    "pandas": pandas.read_parquet(path)["image"][0].tolist(),
    "DuckDB": duckdb.sql(f"select image from '{path}'").fetchall()[0][0],
    "Polars": polars.read_parquet(path)["image"][0].to_list(),
    "datasets": datasets.load_dataset("parquet", data_files=path, split="train")[0]["image"],
}
print(found)
assert all(pixels == [0, 1, 2, 3, 4, 5] for pixels in found.values())
PROGRAM
