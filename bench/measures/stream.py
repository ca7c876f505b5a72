"""What it costs to be live: a batch to pixels, an audience, the run itself, the browser."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from bench.contenders.job import read_arrivals
from bench.measures.viewers import Hall, percentile
from bench.support.rates import median_ratio, rates
from bench.support.served import RUN_S, MeasuringError, Served, log, served
from bench.support.spectator import spectator
from demo_server.processes import state_file
from demo_server.processes.ray_head import JoinedRay

ROWS, ROUNDS = 10_000, 5
VIEWERS = "1,100,500"
LONG_TASK_MS = 50
MOST_PIXELS_MS = 150
LEAST_SHARE = 0.97


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--viewers", default=VIEWERS)
    args = parser.parse_args()
    crowds = sorted({int(count) for count in args.viewers.split(",")})
    with served() as server:
        params = {**defaults(server), "rows": args.rows}
        full = args.rows >= ROWS and args.rounds >= ROUNDS
        measures = asyncio.run(audience(server, params, crowds))
        measures += asyncio.run(cost(server, params, args.rounds, full))
    print(json.dumps({"measures": measures, "notes": notes(params, args.rounds, full)}))


def defaults(server: Served) -> dict[str, Any]:
    """Return this machine's parameters of `embed`."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/api/experiments") as answer:
        known = json.load(answer)
    (embed,) = [one for one in known if one["name"] == "embed"]
    return dict(embed["defaults"])


async def audience(
    server: Served, params: dict[str, Any], crowds: list[int]
) -> list[dict[str, Any]]:
    """Run with growing audiences, and look at the presenter's slide meanwhile."""
    hall = Hall(server, server.port, server.token)
    await hall.presenter.come(server.port)
    made: list[dict[str, Any]] = []
    tasks: list[float] = []
    # The reports wait for Node, so they leave this thread, where the sockets are read.
    with spectator(server, "embed") as page:
        await asyncio.to_thread(page.report)
        for count in crowds:
            log(f"{count} viewers …")
            await hall.fill(count)
            for viewer in hall.viewers:
                viewer.delays_ms.clear()
            await hall.run(params)
            delays = [delay for viewer in hall.viewers for delay in viewer.delays_ms]
            seen = await asyncio.to_thread(page.report)
            tasks += [task["duration"] for task in seen["longTasks"]]
            made.append(pixels(seen, count))
            made.append(percentile(f"… an event to a viewer, of {count}", delays, None))
    await hall.empty()
    hall.presenter.wire.close()
    return [
        *made,
        {
            "what": f"tasks over {LONG_TASK_MS} ms in the browser while streaming",
            "value": len([ms for ms in tasks if ms > LONG_TASK_MS]),
            "at_most": 0,
        },
        {"what": "… the longest", "value": max(tasks, default=0.0), "unit": "ms", "digits": 0},
        {"what": "breaches of the one rule", "value": len(hall.record.breaches), "at_most": 0},
    ]


def pixels(seen: dict[str, Any], count: int) -> dict[str, Any]:
    """Return how long a batch took from its end in the actor to the frame that showed it."""
    delays = [batch["at"] - batch["finishedAt"] for batch in seen["batches"]]
    if not delays:
        raise MeasuringError("the slide showed no row of the run")
    viewers = f"{count} {'viewer' if count == 1 else 'viewers'}"
    return {
        "what": f"batch done to pixels, {viewers}, median of {len(delays)}",
        "value": statistics.median(delays),
        "unit": "ms",
        "digits": 0,
        "at_most": MOST_PIXELS_MS,
    }


async def cost(
    server: Served, params: dict[str, Any], rounds: int, full: bool
) -> list[dict[str, Any]]:
    """Run live and unwatched in turn, and compare their pace; the bar only in full size."""
    hall = Hall(server, server.port, server.token)
    await hall.presenter.come(server.port)
    await hall.fill(1)
    live: dict[int, float] = {}
    plain: dict[int, float] = {}
    for number in range(1, rounds + 1):
        # Their order alternates: a machine that warms up or tires favours neither.
        for watched in (True, False) if number % 2 else (False, True):
            if watched:
                await hall.run(params)
                live[number] = pace(sampled(server.log_path(hall.run_id)), params["rows"])
            else:
                plain[number] = pace(
                    await asyncio.to_thread(unwatched, server, params), params["rows"]
                )
        log(f"round {number} of {rounds}: live {live[number]:.0f}, plain {plain[number]:.0f}")
    await hall.empty()
    rate = {"unit": "rows/s", "digits": 0}
    return [
        {"what": "run with events, log and two sockets", "value": middle(live), **rate},
        {"what": "the same pipeline, unwatched", "value": middle(plain), **rate},
        {
            "what": "… the first / the second",
            "value": median_ratio(live, plain),
            "digits": 3,
            **({"at_least": LEAST_SHARE} if full else {}),
        },
    ]


def middle(by_round: dict[int, float]) -> float:
    return statistics.median(by_round.values())


def pace(arrivals: list[tuple[float, int]], rows: int) -> float:
    """Return the steady rows a second of a run, of which the begin does not count."""
    return rates(arrivals[0][0] - 1, arrivals[-1][0], rows, arrivals).steady


def sampled(log: Path) -> list[tuple[float, int]]:
    """Return when how many rows were embedded, as a run's log has it."""
    events = map(json.loads, log.read_text(encoding="utf-8").splitlines()[1:])
    rows = [event["data"] for event in events if event.get("kind") == "rows"]
    return sorted((one["finished_at"] / 1000, int(one["batch_rows"])) for one in rows)


def unwatched(server: Served, params: dict[str, Any]) -> list[tuple[float, int]]:
    """Run the pipeline alone on the server's Ray; return when how many rows were embedded."""
    entry = state_file.running_server(server.cache)
    if entry is None or entry.ray is None:
        raise MeasuringError("the server has no Ray of its own")
    env = JoinedRay(entry.ray.address, entry.ray.token).env()
    with tempfile.TemporaryDirectory() as place:
        arrivals = str(Path(place) / "arrivals")
        command = ["-m", "bench.support.plain", entry.ray.address, json.dumps(params), arrivals]
        ran = subprocess.run(
            [sys.executable, *command], stdout=sys.stderr, env=env, timeout=RUN_S, check=False
        )
        if ran.returncode:
            raise MeasuringError("the pipeline failed unwatched; its messages are above")
        return read_arrivals(arrivals)


def notes(params: dict[str, Any], rounds: int, full: bool) -> list[str]:
    asked = ", ".join(f"{name} {value}" for name, value in params.items())
    short = "" if full else f" A short run: figures that count have {ROWS:,} rows, {ROUNDS} rounds."
    return [
        f"`embed` with {asked}; the cost in {rounds} {'round' if rounds == 1 else 'rounds'}, the "
        f"two in turn.{short} Viewers are sockets of one other process on the same cores; the "
        "browser shows the slide as the presenter, meanwhile.",
        "Unwatched: the same function on the same Ray, with nothing that observes it but a line "
        "in a file after each forward pass. Both are steady: from the first rows to the last.",
    ]


if __name__ == "__main__":
    main()
