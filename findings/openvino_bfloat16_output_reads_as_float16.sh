#!/usr/bin/env bash
# OpenVINO 2026.4.1: the output of a bfloat16 model comes to numpy as float16, whose bits mean other numbers
#
# A torch module with bfloat16 weights, as many checkpoints are saved, converts without a word to a
# model whose output is bfloat16. numpy has no such type: the binding hands the bits over as float16.
# Nothing is raised or logged. Loading the weights as float32 avoids it.
#
# Seen: rows that the model normalizes have norms of 3.3 and 3.4; the same bits, read as bfloat16,
# have torch's, 1.0.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet numpy==2.4.6 torch==2.13.0 openvino==2026.4.1
PYTHONWARNINGS=ignore TRANSFORMERS_VERBOSITY=error "$place/venv/bin/python" - <<'PROGRAM'
import numpy as np, openvino, torch

class Normalized(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 4)
    def forward(self, x):
        return torch.nn.functional.normalize(self.linear(x.to(torch.bfloat16)), dim=-1)

torch.manual_seed(0)
model = Normalized().to(torch.bfloat16).eval()
x = torch.randn(2, 4)
want = model(x).float().detach().numpy()
made = openvino.compile_model(openvino.convert_model(model, example_input=x), "CPU")
got = made(x.numpy())[0]
print("element type:", made.output(0).get_element_type(), "- numpy dtype:", got.dtype)
print("norms:", np.linalg.norm(got.astype("f4"), axis=1), "- torch's:", np.linalg.norm(want, axis=1))
bits = np.frombuffer(got.tobytes(), np.uint16).astype(np.uint32) << 16
print("read as bfloat16:", np.linalg.norm(bits.view(np.float32).reshape(got.shape), axis=1))
assert got.dtype == np.float16 and not np.allclose(got, want, atol=0.1)
PROGRAM
