"""A press of Run right after the end of the run before, and one for many shuffled rows."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

from bench.support.served import (
    ENDED,
    MeasuringError,
    Served,
    event_status,
    log,
    pause,
    served,
)

ROWS, ROUNDS = 256, 20
# The engines by the class on the slide, and at most how many seconds a first row takes: the median
# and the worst.
ENGINES = {"OpenVinoBf16Embedder": (1.0, 1.5), "TextEmbedder": (1.5, 2.5)}
CANCELLED_EVERY = 5
# With a seed, the rows of a run are drawn from the whole dataset before the first comes out.
SHUFFLED_ENGINE, SHUFFLED_ROWS, SHUFFLED_ROUNDS, SHUFFLED_S = "OpenVinoBf16Embedder", 6000, 5, 1.0
# Standbys and workers are made again after the runs of the engine before.
SETTLE_S = 15.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    measures: list[dict[str, Any]] = []
    with served() as server:
        for engine, (median, worst) in ENGINES.items():
            pause(server, SETTLE_S)
            seconds = [
                press(server, {"engine": engine, "rows": ROWS}, number % CANCELLED_EVERY == 0)
                for number in range(1, rounds + 1)
            ]
            what = f"{engine}: press Run to the first sample row, of {rounds} without a pause"
            found = [("median", statistics.median(seconds), median), ("worst", max(seconds), worst)]
            measures += [
                {"what": f"{what}, {name}", "value": value, "unit": "s", "at_most": bar}
                for name, value, bar in found
            ]
        shuffled = []
        for seed in range(1, SHUFFLED_ROUNDS + 1):
            pause(server, SETTLE_S)
            params = {"engine": SHUFFLED_ENGINE, "rows": SHUFFLED_ROWS, "seed": seed}
            shuffled.append(press(server, params, cancelled=True))
        what = (
            f"{SHUFFLED_ENGINE}: {SHUFFLED_ROWS:,} rows with a seed, press to the first sample row"
        )
        found = [("median", statistics.median(shuffled)), ("worst", max(shuffled))]
        measures += [
            {"what": f"{what}, {name} of {SHUFFLED_ROUNDS}", "value": value, "unit": "s"}
            | {"at_most": SHUFFLED_S}
            for name, value in found
        ]
    notes = [
        f"Over the websocket of a warm server, {ROWS} rows, the other parameters as this machine "
        f"has them; each press comes when the run before has ended. Every {CANCELLED_EVERY}th is "
        "cancelled at its first row. With a seed, each has another, comes after a rest of "
        f"{SETTLE_S:.0f} s and is cancelled at its first row.",
    ]
    print(json.dumps({"measures": measures, "notes": notes}))


def press(server: Served, params: dict[str, Any], cancelled: bool) -> float:
    """Run, to the end or to a cancel; return the seconds until the first sample row came."""
    pressed = time.monotonic()
    run_id = server.start("embed", params)
    events = server.watch(run_id, lambda e: e["kind"] == "rows" or event_status(e) in ENDED)
    seconds = time.monotonic() - pressed
    if not any(event["kind"] == "rows" for event in events):
        raise MeasuringError(f"a run of {params} gave no sample row")
    if cancelled:
        server.cancel(run_id)
    server.watch(run_id, lambda event: event_status(event) in ENDED)
    log(f"{params}: {seconds:.2f} s")
    return seconds


if __name__ == "__main__":
    main()
