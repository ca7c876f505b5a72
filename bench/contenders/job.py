"""What a contender gets to do, and what it says of it, on one clock: Unix time in seconds."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Job:
    """The rows to embed and what to do it with.

    Attributes:
        texts: Parquet file with the columns `id` (int64) and `text`.
        model: directory of a sentence-transformers model.
        converted: directory of the same model as OpenVINO reads it, None where that is not there.
        onnx: file of the same model as ONNX, None where that is not there.
        arrivals: file that workers add a line to, `time rows`, after each forward pass.
        cores: processors to use.
    """

    texts: str
    model: str
    converted: str | None
    onnx: str | None
    arrivals: str
    cores: int

    def table(self) -> pa.Table:
        return pq.read_table(self.texts)

    def strings(self) -> list[str]:
        return list(self.table()["text"].to_pylist())

    def tokenizer(self) -> Any:
        """Return the model's `tokenizers.Tokenizer`, which cuts where the model does."""
        from tokenizers import Tokenizer

        directory = Path(self.model)
        facts = json.loads((directory / "sentence_bert_config.json").read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(facts["max_seq_length"])
        return tokenizer

    def embedder(self, engine: str, threads: int) -> Any:
        """Return an embedder of ours, loaded; its passes run on `threads` together."""
        from demo_server.embedding.registry import find

        row = find(engine)
        return row.embedder(self.converted if row.converted else self.model, "text", threads)


@dataclass(frozen=True)
class Outcome:
    """What a contender has in hand at the end.

    Attributes:
        ids: of the rows, in the order of `vectors`.
        vectors: float32 of shape (rows, dim).
        facts: what to say of its settings.
        called_at: when it asked for everything at once, for one whose rows can't be seen coming.
        run_at: when its run began and Ray was up, for one in Ray.
        arrivals: (Unix time, rows) of each pass, for one that knows them without the file.
        done_at: when everything was there, for one that works on after that.
    """

    ids: list[int]
    vectors: Array
    facts: str = ""
    called_at: float | None = None
    run_at: float | None = None
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    done_at: float | None = None


def arrived(file: str, rows: int) -> None:
    """Note that `rows` rows have been embedded now; any process may, at the same time as others."""
    line = f"{time.time():.6f} {rows}\n".encode()
    end = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(end, line)  # a short append is never torn
    finally:
        os.close(end)


def read_arrivals(file: str) -> list[tuple[float, int]]:
    """Return (Unix time, rows) of each pass, in the order of time."""
    path = Path(file)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return sorted((float(at), int(rows)) for at, rows in (line.split() for line in lines))
