#!/usr/bin/env bash
# OpenVINO 2026.4.1: a padded row of a model with sliding-window attention comes out as NaN
#
# A token of padding that lies further from the last real one than the window attends to nothing: its
# row of the mask has no true value. torch gives some number there, which the pooling multiplies by 0;
# in the converted model it is NaN, and 0 times that is NaN, so the whole row's vector is. Short rows
# that are padded little are right, and nothing is raised.
#
# Seen, with a window of 4: right with 0 and 3 tokens of padding, NaN with 4.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 openvino==2026.4.1
PYTHONWARNINGS=ignore TRANSFORMERS_VERBOSITY=error "$place/venv/bin/python" - <<'PROGRAM'
import numpy as np, openvino, torch
from transformers import MistralConfig, MistralModel

torch.manual_seed(0)
model = MistralModel(MistralConfig(vocab_size=99, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
    num_attention_heads=2, num_key_value_heads=2, head_dim=8, sliding_window=4, use_cache=False)).eval()

class Embedder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = model
    def forward(self, ids, mask):
        vectors = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return (vectors * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)

example = (torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.int64))
made = openvino.convert_model(Embedder(), example_input=example, input=[openvino.PartialShape([-1, -1])] * 2)
compiled = openvino.compile_model(made, "CPU")
for padding in (0, 3, 4):
    ids = torch.full((1, 3 + padding), 7)
    mask = (torch.arange(3 + padding)[None] < 3).long()
    with torch.inference_mode():
        want = Embedder()(ids, mask).numpy()
    got = compiled([ids.numpy(), mask.numpy()])[0]
    print(padding, "tokens of padding: torch", want[0, :3], "OpenVINO", got[0, :3])
assert np.isfinite(want).all() and not np.isfinite(got).any()
PROGRAM
