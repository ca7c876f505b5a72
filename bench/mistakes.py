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

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "MISTAKES.md"
NOT_MEASURED = "not measured here"
# Slow steps take a second or two, so one run of them is noisy.
ROUNDS = 3

# The figures of each stage, by name: label, value, unit.
Stages = dict[str, dict[str, dict[str, Any]]]


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
        *ladder_table(median_of([run("ladder") for _ in range(ROUNDS)])),
        *errors_table(run("errors")),
    ]
    args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"Written to {args.out}.")


def cores() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB of memory"


def run(experiment: str) -> Stages:
    """Run an experiment as `demo-server run` does; return the figures of each stage, by name.

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
        if event.get("kind") == "result":
            figures = event["data"].get("figures") or []
            stages[event.get("stage") or ""] = {f["name"]: f for f in figures}
    return stages


def median_of(rounds: list[Stages]) -> Stages:
    """Return the stages with the median of each figure that is a number."""

    def median(stage: str, name: str, figure: dict[str, Any]) -> dict[str, Any]:
        values = [one[stage][name]["value"] for one in rounds]
        if isinstance(figure["value"], str):
            return figure
        return {**figure, "value": statistics.median(values)}

    return {
        stage: {name: median(stage, name, figure) for name, figure in figures.items()}
        for stage, figures in rounds[0].items()
    }


def ladder_table(stages: Stages) -> list[str]:
    """Return the rows of the ladder, as a table in Markdown."""
    rows = [
        "| mistake | with it, s per 1,000 rows | fixed | times |",
        "|---|---:|---:|---:|",
    ]
    for fix in LADDER:
        before, after = (stages[step]["cost_s"]["value"] for step in (fix.before, fix.after))
        rows.append(f"| {fix.mistake} | {before:.3g} | {after:.3g} | {before / after:.3g} |")
    taken, as_json, parquet = (
        {name: figure["value"] for name, figure in stages[way].items()}
        for way in ("take_all", "json", "parquet")
    )
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
        f"| {taken['memory']:,.0f} |",
        *(
            f"| {title} | {one['size']:,.0f} | {one['write_s']:.3g} | {one['read_s']:.3g} "
            f"| {one['memory']:,.0f} |"
            for title, one in (("JSON instead of Parquet", as_json), ("Parquet", parquet))
        ),
        "",
        f"A GPU that is present and not used, because `num_gpus` is not set: {NOT_MEASURED}.",
        "Two have no time to compare: actors that reserve every CPU, which “More actors than",
        "cores” refuses with the sum, and the two meanings of batch size, on “`map_batches` and",
        "its knobs”.",
        "",
        f"One ladder took {stages['']['seconds']['value']:.0f} s. "
        f"All steps give the same embeddings: lowest cosine {stages['']['cosine']['value']:.6f}.",
    ]
    return rows


def errors_table(stages: Stages) -> list[str]:
    """Return the outcome of each mistake that raises, or should, and of its fixed form."""
    rows = ["", "| error | outcome | fixed | outcome |", "|---|---|---|---|"]
    for stage, figures in stages.items():
        mistake, _, form = stage.rpartition("_")
        if form in ("wrong", "block"):
            fixed = stages[f"{mistake}_mended"]
            rows.append(f"| {outcome_of(figures)} | {outcome_of(fixed)} |")
    return rows


def outcome_of(figures: dict[str, dict[str, Any]]) -> str:
    """Return a form's title and its outcome: an exception's class, or the rows that came out."""
    outcome, processes = figures["outcome"], figures.get("processes")
    by = f", from {processes['value']:g} process(es)" if processes else ""
    return f"{outcome['label']} | {outcome['value']}{by}"


if __name__ == "__main__":
    main()
