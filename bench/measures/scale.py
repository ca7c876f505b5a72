"""More rows: whether the pace holds, and what grows with them: memory, the log."""

from __future__ import annotations

import argparse
import json
import os
import time
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.measures.embed import bundled
from bench.support.memory_peaks import peaks
from bench.support.rates import Arrival, rates
from bench.support.served import ENDED, MeasuringError, Served, log, served
from bench.support.spectator import Spectator, spectator
from demo_server.embedding.device import likely_device
from demo_server.embedding.registry import ROWS, offered
from demo_server.toolkit.rows import MOST_BLOCKS

SIZES = "1000,10000,110000,1000000"
BASE = 10_000
# From which size on the pace is to be that of BASE, and memory to have stayed.
LARGE, LARGEST = 110_000, 1_000_000
PACE_SHARE, MEMORY_SHARE = 0.95, 1.10
ROWS_A_BLOCK = 2500
SETTLE_S = 6.0
GUESSED_RATE = 200.0


@dataclass(frozen=True)
class Size:
    """What a run of so many rows took; memory in MB, `browser` after a garbage collection."""

    rows: int
    rate: float
    memory: dict[str, float]
    browser: float
    browser_peak: float
    log: float
    object_store: float


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default=SIZES)
    parser.add_argument("--engine", choices=[row.name for row in ROWS])
    args = parser.parse_args()
    sizes = sorted({int(rows) for rows in args.rows.split(",")})
    file = repeated(sizes[-1], Path(os.environ["DEMO_CACHE"]) / "rows.parquet")
    done: list[Size] = []
    with served("--dataset", str(file), "--text-column", "text") as server:
        params, pace = chosen(server, args.engine)
        announce(sizes, pace)
        with spectator(server, "embed") as page:
            for rows in in_turns(sizes):
                announce([rows], done[-1].rate if done else pace)
                done.append(measure(server, page, {**params, "rows": rows}))
                log(f"{rows:,} rows: {done[-1]}")
                time.sleep(SETTLE_S)
    print(json.dumps({"measures": measures(of_each_size(done)), "notes": notes(params)}))


def in_turns(sizes: list[int]) -> list[int]:
    """Return the sizes to run: BASE also after each large one, for a machine's pace drifts."""
    again = [BASE] * 2 if BASE in sizes else []
    turns = [[rows, *again] if rows >= LARGE else [rows] for rows in sizes]
    return [rows for turn in turns for rows in turn]


def repeated(rows: int, file: Path) -> Path:
    """Write the bundled texts, again and again, as a dataset of `rows` rows.

    Shuffled: as they come, texts of one kind stand together, and 10,000 in a row have from 64 to 84
    characters on average.
    """
    once = bundled(rows)
    once = once.take(np.random.default_rng(0).permutation(len(once)))
    texts = pa.concat_tables([once.select(["text"])] * -(-rows // len(once))).slice(0, rows)
    pq.write_table(texts, file, row_group_size=100_000)
    return file


def chosen(server: Served, engine: str | None) -> tuple[dict[str, Any], float]:
    """Return the parameters and what is known of their pace, in rows a second.

    Without `engine`, the last that this machine offers, which is the fastest.

    Raises:
        MeasuringError: this machine does not have the engine.
    """
    names = [row.name for row in offered(likely_device()) if engine in (None, row.name)]
    if not names:
        raise MeasuringError(f"engine {engine} is not on this machine")
    name = names[-1]
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/api/experiments") as answer:
        (embed,) = [one for one in json.load(answer) if one["name"] == "embed"]
    rate = embed["rates"].get(name) or GUESSED_RATE
    return {"engine": name}, float(rate)


def announce(sizes: list[int], rate: float) -> None:
    minutes = sum(sizes) / rate / 60
    listed = " and ".join(f"{rows:,}" for rows in sizes)
    log(f"{listed} rows take about {minutes:.1f} min at {rate:.0f} rows/s …")


def measure(server: Served, page: Spectator, params: dict[str, Any]) -> Size:
    page.report()
    blocks = max(1, min(MOST_BLOCKS, params["rows"] // ROWS_A_BLOCK))
    with peaks(server.process) as memory:
        run_id = server.start("embed", {**params, "blocks": blocks})
        events = server.watch(run_id, ended)
    if events[-1]["data"]["status"] != "succeeded":
        raise MeasuringError(f"embed ended as {events[-1]['data']}")
    seen = page.report()
    store = [e["data"]["object_store_bytes"] for e in events if e["kind"] == "metrics"]
    return Size(
        rows=params["rows"],
        rate=pace(events, params["rows"]),
        memory=memory,
        browser=seen["heapHeld"] / 1e6,
        browser_peak=seen["heapHighest"] / 1e6,
        log=server.log_path(run_id).stat().st_size / 1e6,
        object_store=max(store, default=0) / 1e6,
    )


def ended(event: dict[str, Any]) -> bool:
    return event["kind"] == "status" and event["data"]["status"] in ENDED


def pace(events: list[dict[str, Any]], rows: int) -> float:
    """Return the steady rows a second, as the run's events have it."""
    samples = [event["data"] for event in events if event["kind"] == "rows"]
    arrivals: list[Arrival] = sorted(
        (one["finished_at"] / 1000, int(one["batch_rows"])) for one in samples
    )
    return rates(arrivals[0][0] - 1, arrivals[-1][0], rows, arrivals).steady


def of_each_size(done: list[Size]) -> list[Size]:
    """Return what each size took at first, at the median pace of its runs."""
    first = {one.rows: one for one in reversed(done)}
    return [
        replace(first[rows], rate=median(one.rate for one in done if one.rows == rows))
        for rows in sorted(first)
    ]


def measures(done: list[Size]) -> list[dict[str, Any]]:
    base = next((one for one in done if one.rows == BASE), None)
    made: list[dict[str, Any]] = []
    megabytes = {"unit": "MB", "digits": 1}
    for one in done:
        bigger = base is not None and one.rows > BASE
        made.append(
            {"what": f"{one.rows:,} rows", "value": one.rate, "unit": "rows/s", "digits": 0}
        )
        if bigger and base:
            bars = {"at_least": PACE_SHARE} if one.rows >= LARGE else {}
            made.append({"what": "… of the 10,000's", "value": one.rate / base.rate, **bars})
        made.append({"what": "… the log", "value": one.log, **megabytes})
        for kind, value in {
            **{f"{kind}, peak": value for kind, value in sorted(one.memory.items())},
            "object store, peak": one.object_store,
            "browser's JS heap, peak": one.browser_peak,
            "browser's JS heap, held": one.browser,
        }.items():
            made.append({"what": f"… {kind}", "value": value, **megabytes})
        if bigger and base:
            bars = {"at_most": MEMORY_SHARE} if one.rows >= LARGEST else {}
            shares = {
                "server memory": one.memory["server"] / base.memory["server"],
                "browser memory": one.browser / base.browser,
            }
            for kind, share in shares.items():
                made.append({"what": f"… {kind}, of the 10,000's", "value": share, **bars})
    return made


def notes(params: dict[str, Any]) -> list[str]:
    return [
        f"`embed` with engine {params['engine']}, a block of "
        f"about {ROWS_A_BLOCK:,} rows, {MOST_BLOCKS:,} blocks at most. The rows are "
        "the bundled dataset's, shuffled, and repeated where there are more. Steady pace: from the "
        f"first rows to the last; that of {BASE:,} rows is the median of runs before and after the "
        "larger ones. One browser shows the slide as the presenter; its heap held is taken after a "
        "garbage collection.",
        "Memory: the largest resident size of one process of each kind, seen every second; "
        "shared pages of the object store count in each process that has touched them.",
    ]


if __name__ == "__main__":
    main()
