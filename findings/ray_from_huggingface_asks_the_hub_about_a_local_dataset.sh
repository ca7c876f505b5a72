#!/usr/bin/env bash
# Ray 2.60.0 with datasets 5.2.0: from_huggingface fails offline for a dataset read from a local directory
#
# A dataset that load_dataset has read from a local directory carries the name of that directory.
# from_huggingface takes it for the name of a repository and asks the hub for its Parquet files
# before it uses the rows at hand. HF_HUB_OFFLINE does not keep it from asking, and without a
# network the error of the request ends the call, though everything needed is on this machine.
#
# The network that is down is stood in for by a requests.get that raises.
#
# Seen: ConnectionError; asked was
# https://huggingface.co/api/datasets/notes/parquet/default/train.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 aiohttp==3.14.5
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")

import os
from unittest import mock

import datasets
import requests

datasets.disable_progress_bars()
os.mkdir("notes")
datasets.Dataset.from_dict({"text": ["a", "b"]}).to_parquet("notes/train.parquet")
local = datasets.load_dataset("./notes", split="train")
with mock.patch("requests.get", side_effect=requests.ConnectionError("no network")) as get:
    try:
        ray.data.from_huggingface(local)
    except requests.ConnectionError as error:
        print(repr(error), get.call_args.args)
        assert get.call_args.args[0].startswith("https://huggingface.co/api/datasets/notes/")
    else:
        raise SystemExit("it does without the hub now")
assert ray.data.from_arrow(local.with_format("arrow")[:]).count() == 2
PROGRAM
