#!/usr/bin/env bash
# OpenVINO 2026.4.1: a model of 64-bit integers computes in 32 bits, and inputs that do not fit wrap around
#
# A model whose input and output are int64, the usual type of ids, adds 1 to a large id on the CPU
# and returns an int64 that has lost its upper half. In the same way an input array of a wider
# type than the model's is cut to fit, and fractions are dropped, where numpy and torch refuse or
# keep the value.
#
# Seen: 2**40 + 1 gives 1 (int64); 300 passed to an int8 input gives 44, 1.9 to an int64 input
# gives 1.
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


def plus(number, dtype, given):
    parameter = op.parameter([-1], dtype)
    model = ov.Model([op.add(parameter, op.constant(np.array([number], dtype)))], [parameter], "plus")
    return ov.compile_model(model, "CPU")(given)[0]


wide = plus(1, np.int64, np.array([2**40]))
narrow = plus(0, np.int8, np.array([300]))
fraction = plus(0, np.int64, np.array([1.9], np.float32))
print(wide, wide.dtype, narrow, narrow.dtype, fraction, fraction.dtype)
assert wide.dtype == np.int64 and wide.tolist() == [1]
assert narrow.tolist() == [44]
assert fraction.tolist() == [1]
PROGRAM
