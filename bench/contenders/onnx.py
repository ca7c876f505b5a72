"""ONNX Runtime on the same weights, exported here: passes of our batching, in f32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.contenders.job import Job, Outcome, arrived
from demo_server.embedding.batching import token_batches
from demo_server.embedding.engine import CPU_TOKENS

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def export(model: str, file: Path) -> None:
    """Write the whole pipeline, pooling and normalizing included, by torch's own exporter."""
    import torch
    from sentence_transformers import SentenceTransformer

    source = SentenceTransformer(model, device="cpu", model_kwargs={"attn_implementation": "eager"})

    class Pipeline(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = source

        def forward(self, *inputs: Any) -> Any:
            return self.model(dict(zip(INPUTS, inputs, strict=True)))["sentence_embedding"]

    example = tuple(torch.ones((2, 8), dtype=torch.int64) for _ in INPUTS)
    part = file.with_suffix(".part")
    with torch.inference_mode():
        torch.onnx.export(
            Pipeline().eval(),
            example,
            str(part),
            input_names=list(INPUTS),
            output_names=["embedding"],
            dynamic_axes={name: {0: "rows", 1: "tokens"} for name in INPUTS},
            opset_version=17,
            dynamo=False,
        )
    part.replace(file)


def runtime(job: Job) -> Outcome:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.cores
    session = onnxruntime.InferenceSession(job.onnx, options, providers=["CPUExecutionProvider"])
    table = job.table()
    tokenized = job.tokenizer().encode_batch_fast(table["text"].to_pylist())
    lengths = [len(row.ids) for row in tokenized]
    vectors: Any = None
    for rows in token_batches(lengths, CPU_TOKENS):
        ids = np.zeros((len(rows), max(lengths[i] for i in rows)), np.int64)
        for place, i in enumerate(rows):
            ids[place, : lengths[i]] = tokenized[i].ids
        mask = (np.arange(ids.shape[1]) < np.asarray(lengths)[rows][:, None]).astype(np.int64)
        feed = dict(zip(INPUTS, (ids, mask, np.zeros_like(ids)), strict=True))
        (given,) = session.run(None, feed)
        if vectors is None:
            vectors = np.empty((len(lengths), given.shape[1]), np.float32)
        vectors[rows] = given
        arrived(job.arrivals, len(rows))
    facts = f"f32, {job.cores} threads, sorted by length, {CPU_TOKENS:,} tokens a pass"
    return Outcome(table["id"].to_pylist(), vectors, facts)
