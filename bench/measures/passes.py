"""What it gives to run the passes of a batch next to each other, of one thread each."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from typing import Any

import numpy as np

from bench.support.rates import median_ratio, pace
from demo_server.data import source
from demo_server.embedding import model
from demo_server.embedding.batching import Array
from demo_server.embedding.conversion import model_for
from demo_server.embedding.device import likely_device
from demo_server.embedding.engine import Engine
from demo_server.embedding.registry import offered
from demo_server.system.cpus import usable_cpus

ROWS, ROUNDS = 10_000, 5
# Of one call, as `embed` has them by default.
CALL_ROWS = 2048
FORMS = ("one after the other", "next to each other")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    args = parser.parse_args()
    chosen = source.resolve()
    texts = np.array(chosen.load()[: args.rows][chosen.text_column], object)
    measures: list[dict[str, Any]] = []
    cores = usable_cpus()
    for row in offered(likely_device())[1:]:
        path = model_for(row.name, model.resolve().path)
        rounds: dict[str, dict[int, float]] = {form: {} for form in FORMS}
        for number in range(args.rounds + 1):
            # They take turns in going first. Each is loaded again: torch has one number of threads.
            for form in FORMS[:: 1 if number % 2 else -1]:
                threads, passes = (cores, 1) if form == FORMS[0] else (1, cores)
                engine = row.embedder.load(path, threads, passes)
                rate = measure(engine, texts)
                if number:  # the first of its kind is slower
                    rounds[form][number] = rate
                print(f"{row.name}, {form}: {rate:.0f} rows/s", file=sys.stderr)
        before, after = (rounds[form] for form in FORMS)
        for form, rates in rounds.items():
            what = f"{row.name}, passes {form}"
            rate = statistics.median(rates.values())
            measures.append({"what": what, "value": rate, "unit": "rows/s", "digits": 0})
        ratio = median_ratio(after, before)
        measures.append({"what": "… the second / the first", "value": ratio, "digits": 2})
    print(json.dumps({"measures": measures, "notes": notes(len(texts), args.rounds)}))


def measure(engine: Engine, texts: Array) -> float:
    """Return the rows a second of a loop of calls, after one that is not counted."""
    embed(engine, texts[:CALL_ROWS])
    began = time.perf_counter()
    for first in range(0, len(texts), CALL_ROWS):
        embed(engine, texts[first : first + CALL_ROWS])
    return pace(len(texts), time.perf_counter() - began)


def embed(engine: Engine, texts: Array) -> Array:
    tokens = engine.tokenize(texts)
    vectors = np.empty((len(tokens), engine.dim), "f4")
    for rows, found in engine.embed_all(tokens, tokens.batches(engine.budget)):
        vectors[rows] = found
    return vectors


def notes(rows: int, rounds: int) -> list[str]:
    cores = usable_cpus()
    return [
        f"{rows:,} rows, {CALL_ROWS:,} a call, in one process and without Ray; {rounds} rounds, "
        f"the two in turn. One after the other: each pass has all {cores} threads. Side by "
        f"side: {cores} passes at once, of one thread each, as a run has them."
    ]


if __name__ == "__main__":
    main()
