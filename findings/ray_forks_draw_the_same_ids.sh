#!/usr/bin/env bash
# Ray 2.60.0: processes forked after ray.data is imported draw the same ids
#
# Importing Ray Data uses Ray's generator of random numbers, which a fork inherits: a server that
# imports once and forks, as gunicorn does with --preload, gets drivers whose next id is the same,
# that of the worker or of a node, where Ray takes ids to be unique. After `import ray` alone, each
# fork draws its own. Nothing warns.
#
# Seen: three forks draw one id after `import ray.data`, three after `import ray`.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "ray[data]==2.60.0" pyarrow==26.0.1 pandas==3.1.1
cd "$place"
cat > draw.py <<'PROGRAM'
import importlib
import os
import sys

import ray

importlib.import_module(sys.argv[1])


def drawn_in_a_fork():
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.write(write_end, ray.NodeID.from_random().hex().encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        return answer.read()


found = {drawn_in_a_fork() for _ in range(3)}
print(f"after import {sys.argv[1]}: {len(found)} of 3 differ")
assert len(found) == int(sys.argv[2])
PROGRAM
venv/bin/python draw.py ray 3
venv/bin/python draw.py ray.data 1
