"""`npm run mistakes`: run the ladder and the errors, and write what each mistake costs.

Writes docs/MISTAKES.md; every figure is from these runs.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "docs" / "MISTAKES.md"
NOT_MEASURED = "not measured here"
# Slow steps take a second or two, so one run of them is noisy.
ROUNDS = 3

# The newest data of each stage's events, by kind.
Stages = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Fix:
    """A mistake of the ladder: the last step that makes it, and the first that doesn't."""

    mistake: str
    before: str
    after: str


LADDER = [
    Fix("model not loaded in `__init__`, loaded in every call", "actor", "model_in_init"),
    Fix("tokenizer built again in every call", "model_in_init", "tokenizer_in_init"),
    Fix("gradients on", "tokenizer_in_init", "no_gradients"),
    Fix("prints and logging in the hot path", "other_engine", "no_prints"),
    Fix("rows embedded one by one: `map`, not `map_batches`", "no_prints", "batch_of_two"),
    Fix("batch of 2", "batch_of_two", "large_batches"),
    Fix("per-row conversions between array types", "large_batches", "no_conversions"),
    Fix("one forward pass a row", "no_conversions", "one_pass"),
    Fix("padding: rows of different lengths in a pass", "one_pass", "sorted_by_length"),
    Fix("preprocessing inside the inference step", "sorted_by_length", "prepared_apart"),
    Fix("too many actors, competing threads", "too_many_actors", "threads_for_the_cores"),
    Fix("thousands of blocks", "threads_for_the_cores", "fewer_blocks"),
    Fix("stateless tasks where actors keep the model", "everything_wrong", "actor"),
    Fix("all of them together", "everything_wrong", "fewer_blocks"),
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="npm run mistakes --", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    lines = [
        "# What each mistake costs",
        "",
        "Written by `npm run mistakes`; every figure is from its runs.",
        f"{cores()}, {platform.system()}, Python {platform.python_version()}.",
        "",
        *ladder_table([run("ladder") for _ in range(ROUNDS)]),
        *errors_table(run("errors")),
    ]
    args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"Written to {args.out}.")


def cores() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB of memory"


def run(experiment: str) -> Stages:
    """Run an experiment as `demo-server run` does; return what each stage reported.

    Raises:
        SystemExit: it didn't succeed.
    """
    command = [sys.executable, "-m", "demo_server", "run", experiment, "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{experiment} did not succeed: {done.stdout[-500:]}")
    stages: Stages = {}
    for line in done.stdout.splitlines():
        event = json.loads(line)
        stages.setdefault(event["stage"] or "", {})[event["kind"]] = event["data"]
    return stages


def cost(rounds: list[Stages], step: str) -> float:
    """Return the median of a step's seconds for 1,000 rows."""
    return statistics.median(one[step]["step"]["cost_s"] for one in rounds)


def export(rounds: list[Stages], way: str) -> dict[str, float]:
    """Return the medians of what a way out takes, by the fields of `ExportData`."""
    exports = [one[way]["export"] for one in rounds]
    measured = [field for field, value in exports[0].items() if value is not None]
    return {field: statistics.median(one[field] for one in exports) for field in measured}


def ladder_table(rounds: list[Stages]) -> list[str]:
    """Return the rows of the ladder, as a table in Markdown."""
    comparison = rounds[-1][""]["comparison"]
    rows = [
        "| mistake | with it, s per 1,000 rows | fixed | times |",
        "|---|---:|---:|---:|",
    ]
    for fix in LADDER:
        before, after = (cost(rounds, step) for step in (fix.before, fix.after))
        rows.append(f"| {fix.mistake} | {before:.3g} | {after:.3g} | {before / after:.3g} |")
    taken, as_json, parquet = (export(rounds, way) for way in ("take_all", "json", "parquet"))
    rows += [
        "",
        f"Medians of {ROUNDS} runs. Each step fixes one mistake of the step before it, and slow",
        "steps run on few rows: a factor around 1 means that the cost of this mistake alone was",
        "too small to measure here. One pass for a batch pads all its rows to the longest, so by",
        "itself it may cost more than it saves; the next step fixes that.",
        "",
        "| on the way out, for 1,000 rows | bytes on disk | s to write | s to read back "
        "| bytes in the driver |",
        "|---|---:|---:|---:|---:|",
        f"| everything collected in the driver (`take_all`) | - | {taken['write_s']:.3g} | - "
        f"| {taken['memory_bytes']:,.0f} |",
        *(
            f"| {title} | {one['disk_bytes']:,.0f} | {one['write_s']:.3g} "
            f"| {one['read_s']:.3g} | {one['memory_bytes']:,.0f} |"
            for title, one in (("JSON instead of Parquet", as_json), ("Parquet", parquet))
        ),
        "",
        f"A GPU that is present and not used, because `num_gpus` is not set: {NOT_MEASURED}.",
        "Two have no time to compare: actors that reserve every CPU, which “More actors than",
        "cores” refuses with the sum, and the two meanings of batch size, on “`map_batches` and",
        "its knobs”.",
        "",
        f"One ladder took {comparison['seconds']:.0f} s. "
        f"All steps give the same embeddings: lowest cosine {comparison['cosine']:.6f}.",
    ]
    return rows


def errors_table(stages: Stages) -> list[str]:
    """Return the outcome of each mistake that raises, or should, and of its fixed form."""
    rows = ["", "| error | outcome | fixed | outcome |", "|---|---|---|---|"]
    for stage, kinds in stages.items():
        mistake, _, form = stage.rpartition("_")
        if form in ("wrong", "block"):
            fixed = stages[f"{mistake}_fixed"]
            rows.append(f"| {outcome_of(kinds['outcome'])} | {outcome_of(fixed['outcome'])} |")
    return rows


def outcome_of(outcome: dict[str, Any]) -> str:
    """Return a form's title and its outcome: an exception's class, or the rows that came out."""
    came = outcome["exception"] or f"{outcome['rows_out']} of {outcome['rows_in']} rows"
    processes = outcome["processes"]
    by = f", from {processes} {'process' if processes == 1 else 'processes'}" if processes else ""
    return f"{outcome['title']} | {came}{by}"


if __name__ == "__main__":
    main()
