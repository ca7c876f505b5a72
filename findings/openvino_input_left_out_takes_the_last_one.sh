#!/usr/bin/env bash
# OpenVINO 2026.4.1: an input left out of a call takes the value of the call before
#
# A compiled model that has two inputs, such as ids and a mask, is called with one of them. No
# error comes: the other input is the one of the last call, so that the result of a call depends
# on who called before, and the first call of all gets an empty one.
#
# Seen: a + b is 11 for a=1, b=10; then 12 for a=2 alone; [] for a=2 alone in a first call.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet openvino==2026.4.1
cd "$place"
venv/bin/python - <<'PROGRAM'
import numpy as np
import openvino as ov
from openvino import opset13 as op


def compiled():
    inputs = [op.parameter([-1], np.float32, name=name) for name in ("a", "b")]
    for each in inputs:
        each.output(0).tensor.set_names({each.friendly_name})
    return ov.compile_model(ov.Model([op.add(*inputs)], inputs, "sum"), "CPU")


one, two, ten = (np.array([value], np.float32) for value in (1, 2, 10))
model = compiled()
both = model({"a": one, "b": ten})[0].tolist()
alone = model({"a": two})[0].tolist()
first = compiled()({"a": two})[0].tolist()
print("both:", both, "then a alone:", alone, "a alone in a first call:", first)
assert both == [11]
assert alone == [12]
assert first == []
PROGRAM
