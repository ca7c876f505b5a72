#!/usr/bin/env bash
# Ray 2.60.0 with datasets 5.2.0: from_huggingface needs a package that neither of them installs
#
# Whoever installs ray[data] and datasets, as the documentation of from_huggingface has it, gets
# no aiohttp. from_huggingface imports it for the error class of a request, before it looks at the
# dataset, and so fails for a dataset in memory too.
#
# Seen: ModuleNotFoundError: No module named 'aiohttp'.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
cd "$place"
HF_HOME="$place/hf" HF_HUB_OFFLINE=1 RAY_DATA_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PROGRAM'
import ray

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error")

import importlib.util

import datasets

assert importlib.util.find_spec("aiohttp") is None
try:
    ray.data.from_huggingface(datasets.Dataset.from_dict({"text": ["a"]}))
except ModuleNotFoundError as error:
    print(error)
    assert error.name == "aiohttp"
else:
    raise SystemExit("it does without now")
PROGRAM
