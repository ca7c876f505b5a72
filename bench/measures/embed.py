"""Whether `embed` gives what it promises: every row once, with the embedding of its text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from demo_server.embedding import agreement, model

ROWS = 5000
LEAST_COSINE = agreement.LEAST_COSINE["f32"]
ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    log(f"embed runs on {ROWS} rows …")
    command = ["-m", "demo_server", "run", "embed", "--rows", str(ROWS), "--seed", "0", "--json"]
    ran = subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, text=True, check=False)
    if ran.returncode != 0:
        raise SystemExit(f"embed ended with code {ran.returncode}: {ran.stdout[-600:]}")
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    (path,) = Path(os.environ["DEMO_CACHE"]).glob("runs/*/result.parquet")
    result, source = pq.read_table(path), bundled(ROWS)
    log("The same texts go through SentenceTransformer.encode …")
    cosines = cosine(embeddings(result), encode(source["text"].to_pylist()))
    print(json.dumps({"measures": measures(events, result, source, cosines), "notes": notes()}))


def log(text: str) -> None:
    """Progress goes to stderr: stdout carries the result."""
    print(text, file=sys.stderr, flush=True)


def bundled(rows: int) -> pa.Table:
    """Return the first rows of the bundled dataset, read past everything that is measured."""
    files = sorted((ROOT / "data" / "wordnet").glob("*.parquet"))
    return pa.concat_tables([pq.read_table(file) for file in files]).slice(0, rows)


def embeddings(table: pa.Table) -> np.ndarray[Any, Any]:
    """Return the embeddings, of shape (rows, 384), as they are on disk."""
    column = table["embedding"].combine_chunks()
    return np.asarray(column.flatten()).reshape(len(table), -1)


def encode(texts: list[str]) -> np.ndarray[Any, Any]:
    """Return what the library's own call gives, of shape (rows, 384)."""
    from sentence_transformers import SentenceTransformer

    return np.asarray(SentenceTransformer(model.resolve().path).encode(texts))


def cosine(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the cosine of each pair of rows."""
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return np.asarray((ours * theirs).sum(axis=1) / lengths)


def measures(
    events: list[dict[str, Any]], result: pa.Table, source: pa.Table, cosines: Any
) -> list[dict[str, Any]]:
    ids, expected = result["id"].to_pylist(), source["id"].to_pylist()
    columns = [name for name in source.column_names if result[name].equals(source[name])]
    progress = [e for e in events if e["kind"] == "progress" and e["data"]["rows"]]
    rows = [e["data"]["rows"] for e in progress]
    steady = (rows[-1] - rows[0]) / ((progress[-1]["t"] - progress[0]["t"]) / 1000)
    began = time_of(events, "starting")
    done = next(e["t"] for e in events if e["kind"] == "result") / 1000
    return [
        {"what": "rows of the result", "value": len(ids), "at_least": ROWS, "at_most": ROWS},
        {"what": "rows missing", "value": len(set(expected) - set(ids)), "at_most": 0},
        {"what": "rows more than once", "value": len(ids) - len(set(ids)), "at_most": 0},
        {"what": "rows out of order", "value": differences(ids, expected), "at_most": 0},
        {
            "what": f"input columns unchanged, of {len(source.column_names)}",
            "value": len(columns),
            "at_least": len(source.column_names),
        },
        {
            "what": "cosine with SentenceTransformer.encode, lowest",
            "value": float(cosines.min()),
            "digits": 7,
            "at_least": LEAST_COSINE,
        },
        {
            "what": "throughput, steady",
            "value": round(steady),
            "unit": "rows/s",
        },
        {
            "what": "throughput, from the driver's start to the materialized result",
            "value": round(ROWS / (done - began)),
            "unit": "rows/s",
        },
    ]


def differences(ids: list[Any], expected: list[Any]) -> int:
    return sum(a != b for a, b in zip(ids, expected, strict=False))


def time_of(events: list[dict[str, Any]], status: str) -> float:
    """Return when a run came to a status, in seconds since it was accepted."""
    found = [e for e in events if e["kind"] == "status" and e["data"]["status"] == status]
    return float(found[0]["t"]) / 1000


def notes() -> list[str]:
    return [
        f"`demo-server run embed --rows {ROWS}` with this machine's defaults; its result.parquet "
        "is compared with the bundled files. Steady: from the first rows that came out to the last."
    ]


if __name__ == "__main__":
    main()
