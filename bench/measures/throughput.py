"""Rows a second: ours, the course's code, the library, other frameworks, side by side.

Contenders take turns round by round, each in a process of its own, on the same rows; what they
give is compared with the reference's embeddings, and one that differs is refused.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from bench.contenders.job import Job
from bench.measures.embed import bundled, cosine, encode, log
from bench.support import peers
from bench.support.rates import flops, rates
from bench.support.standings import (
    LEAST_COSINE,
    ROUNDS,
    ROWS,
    SAMPLE,
    Results,
    bars,
    notes,
    ratios,
    table,
)
from demo_server.embedding import model
from demo_server.embedding.conversion import model_for
from demo_server.embedding.device import likely_device
from demo_server.embedding.registry import find, offered
from demo_server.system.cpus import usable_cpus

# A contender that takes longer is stopped: the slowest known makes 100 rows/s after 30 s.
START_S, SLOWEST = 120.0, 40.0


class NotMeasuredError(Exception):
    """Why a contender has no figure, in a line."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", help="contenders, by the first part of their names")
    args = parser.parse_args()
    engines = [row.name for row in offered(likely_device())]
    names = chosen(contenders(engines), args.only)
    place = Path(tempfile.mkdtemp(dir=os.environ["DEMO_CACHE"]))
    job, reference, results = prepare(args.rows, place, names)
    log(f"{len(names)} contenders, {args.rows} rows, {args.rounds} rounds …")
    for number in range(1, args.rounds + 1):
        for name in names:
            if name not in results.left_out:
                turn(name, number, job, reference, results)
    sizes = {"rows": args.rows, "rounds": args.rounds}
    ceilings = ceiling(job)
    measures = table(results, ceilings) + ratios(results, **sizes)
    found = {"measures": measures, "notes": notes(results, **sizes)}
    if args.only is None:
        found["chart"] = {**sizes, "bars": bars(results, ceilings)}
    print(json.dumps(found))


def contenders(engines: list[str]) -> list[str]:
    """Return the contenders, in turn: with an engine of ours inside, each or the fastest."""
    fastest = engines[-1]
    return [
        *[f"ours:{engine}" for engine in engines],
        "course",
        "encode",
        "encode-pool",
        "datasets-map",
        "daft",
        f"daft:{fastest}",
        "spark",
        f"spark:{fastest}",
        "onnx",
        *[f"bare:{engine}" for engine in engines if engine != "TextEmbedder"],
    ]


def chosen(names: list[str], only: str | None) -> list[str]:
    """Return those whose first part was named, all where none was.

    Raises:
        SystemExit: one was named that there isn't.
    """
    if only is None:
        return names
    kinds = {name.partition(":")[0] for name in names}
    if unknown := set(only.split(",")) - kinds:
        raise SystemExit(
            f"--only names {', '.join(sorted(unknown))}: choose from {', '.join(sorted(kinds))}."
        )
    return [name for name in names if name.partition(":")[0] in only.split(",")]


def prepare(rows: int, place: Path, names: list[str]) -> tuple[Job, Any, Results]:
    """Write the rows, the converted models and the reference; nothing of this is timed."""
    results = Results()
    table = bundled(rows)
    if len(table) < rows:
        raise SystemExit(f"--rows {rows}: the bundled dataset has {len(table)} rows.")
    ids = pa.array(range(rows), pa.int64())
    texts = pa.table({"id": ids, "text": table["text"].cast(pa.string())})
    pq.write_table(texts, place / "texts.parquet", row_group_size=max(1, rows // 8))
    path = str(model.resolve().path)
    converted = onnx = None
    kinds = {name.partition(":")[0] for name in names}
    if any(find(e).converted for name in names if (e := name.partition(":")[2])):
        log("The model is converted for OpenVINO …")
        converted = model_for("OpenVinoEmbedder", path)
    if kinds & {"daft", "spark", "onnx"}:
        log("The libraries to compare with are installed, apart from ours …")
        if trouble := peers.install():
            log(trouble)
        needs = {"daft": "daft", "spark": "pyspark", "onnx": "onnxruntime"}
        for name in names:
            package = needs.get(name.partition(":")[0])
            if package and peers.version(package) is None:
                results.left_out[name] = f"{package} could not be installed"
            if package == "pyspark" and peers.java() is None:
                results.left_out[name] = "there is no Java here"
    if "onnx" in kinds - results.left_out.keys():
        onnx = str(place / "model.onnx")
        if reason := exported(path, onnx):
            results.left_out["onnx"] = reason
    log("The reference: SentenceTransformer.encode of a sample …")
    sample = np.unique(np.linspace(0, rows - 1, SAMPLE).astype(int))
    reference = (sample, encode([texts["text"][int(i)].as_py() for i in sample]))
    arrivals = str(place / "arrivals")
    cores = usable_cpus()
    return (
        Job(str(place / "texts.parquet"), path, converted, onnx, arrivals, cores),
        reference,
        results,
    )


def exported(path: str, onnx: str) -> str | None:
    """Export the model to ONNX in a process with the exporter's libraries; or why not."""
    log("The model is exported to ONNX …")
    code = "import sys; from pathlib import Path; from bench.contenders.onnx import export; "
    code += "export(sys.argv[1], Path(sys.argv[2]))"
    command = [str(peers.PYTHON), "-c", code, path, onnx]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        return None
    return f"torch could not export it: {last_line(ran.stderr)}"


def turn(name: str, number: int, job: Job, reference: Any, results: Results) -> None:
    """One contender's turn in a round; what goes wrong takes it out of the rounds to come."""
    rows = pq.read_metadata(job.texts).num_rows
    try:
        ended, began_at = compute(name, job, START_S + rows / SLOWEST)
        results.cosines.append(
            lowest_cosine(reference, Path(job.arrivals).parent, ended["rows"], rows)
        )
        arrivals = [(at, count) for at, count in ended["arrivals"]]
        one = rates(began_at, ended["done_at"], rows, arrivals, ended["called_at"], ended["run_at"])
    except (NotMeasuredError, ValueError) as error:
        results.left_out[name] = str(error)
        log(f"round {number}, {name}: left out, {error}")
        return
    results.rates[name][number] = one
    results.facts[name] = ended["facts"]
    log(f"round {number}, {name}: {one.steady:.0f} rows/s steady, {one.total:.0f} in total")


def compute(name: str, job: Job, limit_s: float) -> tuple[dict[str, Any], float]:
    """Run a contender in a process of its own; return what it says, and when it was started.

    Raises:
        NotMeasuredError: it failed, or took longer than `limit_s`.
    """
    place = Path(job.arrivals).parent
    for left in ("outcome.json", "vectors.npy", "arrivals"):
        (place / left).unlink(missing_ok=True)
    (place / "job.json").write_text(json.dumps(asdict(job)), encoding="utf-8")
    python = (
        str(peers.PYTHON) if name.split(":")[0] in ("daft", "spark", "onnx") else sys.executable
    )
    command = [python, "-m", "bench.contenders", name, str(place / "job.json"), str(place)]
    output = place / "output.log"
    with output.open("w", encoding="utf-8") as file:
        began_at = time.time()
        child = subprocess.Popen(command, stdout=file, stderr=file)
        try:
            code = child.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise NotMeasuredError(f"not done after {limit_s:.0f} s") from None
        finally:
            end(child)
    if code:
        raise NotMeasuredError(f"it failed: {last_line(output.read_text(encoding='utf-8'))}")
    return json.loads((place / "outcome.json").read_text(encoding="utf-8")), began_at


def end(child: subprocess.Popen[Any]) -> None:
    """End a process that is still there, and all that it has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(child.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    child.kill()
    child.wait()


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it printed nothing"])[-1][:160]


def lowest_cosine(reference: Any, place: Path, rows: int, expected: int) -> float:
    """Return the lowest cosine with the reference's embeddings of the sample.

    Raises:
        NotMeasuredError: rows are missing, or it computes something else.
    """
    if rows != expected:
        raise NotMeasuredError(f"{rows} rows of {expected} came out")
    sample, theirs = reference
    lowest = float(cosine(np.load(place / "vectors.npy")[sample], theirs).min())
    if not lowest >= LEAST_COSINE:
        raise NotMeasuredError(f"its embeddings differ: cosine {lowest:.4f}")
    return lowest


def ceiling(job: Job) -> dict[str, float]:
    """Return the rows a second that a matrix product's rate allows, by precision."""
    asked = [sys.executable, "-m", "bench.support.ceiling", str(job.cores)]
    ran = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True)
    config = json.loads((Path(job.model) / "config.json").read_text(encoding="utf-8"))
    lengths = [len(row.ids) for row in job.tokenizer().encode_batch_fast(job.strings())]
    shape = (config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"])
    each = flops(lengths, *shape) / len(lengths)
    return {name: rate / each for name, rate in json.loads(ran.stdout).items()}


if __name__ == "__main__":
    main()
