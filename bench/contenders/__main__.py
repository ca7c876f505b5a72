"""`python -m bench.contenders NAME JOB OUT`: run one contender and write what it has, as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.contenders.job import Job, Outcome, read_arrivals


def named(name: str) -> Callable[[Job], Outcome]:
    """Return a contender; only its own libraries are imported.

    `encode`, or with our engine inside `bare:OpenVinoEmbedder`.
    """
    kind, _, engine = name.partition(":")
    if kind in ("ours", "bare"):
        from bench.contenders import ours

        run = ours.in_ray if kind == "ours" else ours.bare
        return lambda job: run(job, engine)
    if kind in ("daft", "spark"):
        from bench.contenders import daft_udf, spark_udf

        peer = daft_udf if kind == "daft" else spark_udf
        return (lambda job: peer.with_engine(job, engine)) if engine else peer.default
    if kind == "course":
        from bench.contenders.course import course

        return course
    if kind == "onnx":
        from bench.contenders.onnx import runtime

        return runtime
    from bench.contenders import library

    alone = {
        "encode": library.encode,
        "encode-pool": library.encode_pool,
        "datasets-map": library.datasets_map,
    }
    return alone[kind]


def main() -> None:
    name, job_file, out = sys.argv[1:]
    job = Job(**json.loads(Path(job_file).read_text(encoding="utf-8")))
    outcome = named(name)(job)
    done_at = outcome.done_at or time.time()
    arrivals = outcome.arrivals or read_arrivals(job.arrivals)
    order = np.argsort(outcome.ids, kind="stable")
    np.save(Path(out) / "vectors.npy", np.asarray(outcome.vectors, np.float32)[order])
    outcome = {
        "arrivals": arrivals,
        "called_at": outcome.called_at,
        "run_at": outcome.run_at,
        "done_at": done_at,
        "rows": len(set(outcome.ids)),
        "facts": outcome.facts,
    }
    (Path(out) / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")


if __name__ == "__main__":
    main()
