"""Processes that die in the middle of a run, and what the slide then shows."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from demo_server.system import process
from tests.faults.client import Client, Event, has_ended, is_rows, status_of
from tests.faults.outcome import HANG_S, OUTAGE_S, SHOWN_S, Outcome, check_rows
from tests.faults.stage import Stage

RUN: dict[str, Any] = {"rows": 2000, "batch_size": 64, "blocks": 32}
FIRST_ROWS_S = 60.0
END_S = 120.0


@dataclass(frozen=True)
class Fault:
    """What dies, in the table's words, and how it is done on a server that is ready."""

    what: str
    perform: Callable[[Stage], Awaitable[Outcome]]


def is_failure(event: Event) -> bool:
    return status_of(event) == "failed"


def is_death(event: Event) -> bool:
    return event["kind"] == "note" and "died" in event["data"]["text"]


async def begin(stage: Stage, **more: Any) -> tuple[Client, str]:
    """Start `embed`, and return when rows have come."""
    client = await stage.client()
    run_id = await client.start("embed", **{**RUN, **more})
    await client.seen(run_id, is_rows, FIRST_ROWS_S)
    return client, run_id


async def fails(stage: Stage, find: Callable[[], Callable[[], Any]], bar_s: float) -> Outcome:
    """Do what `find` returns in the middle of a run; it ends that."""
    client, run_id = await begin(stage)
    kill = find()
    at = time.monotonic()
    kill()
    shown_at, event = await client.seen(run_id, is_failure, END_S)
    next_row_s = await stage.next_row_s()
    await client.close()
    return Outcome(
        f"failed: {event['data']['reason']}",
        shown_at - at,
        bar_s,
        next_row_s=next_row_s,
        left=await stage.orphans(),
    )


async def goes_on(stage: Stage, kill: Callable[[], Any], shown: Callable[[Event], bool]) -> Outcome:
    """Do something in the middle of a run that does not end it."""
    client, run_id = await begin(stage)
    at = time.monotonic()
    kill()
    shown_at, event = await client.seen(run_id, shown, END_S)
    _, end = await client.seen(run_id, has_ended, END_S)
    next_row_s = await stage.next_row_s()
    await client.close()
    data = event["data"]
    return Outcome(
        f"{data.get('text') or data.get('status')}; then {end['data']['status']}",
        shown_at - at,
        SHOWN_S,
        next_row_s=next_row_s,
        left=await stage.orphans(),
        faults=check_rows(stage, run_id, RUN["rows"], end),
    )


async def actor(stage: Stage) -> Outcome:
    return await goes_on(stage, lambda: process.kill(stage.actors()), is_death)


async def driver(stage: Stage) -> Outcome:
    return await fails(stage, lambda: stage.working_driver().kill, SHOWN_S)


async def stopped_driver(stage: Stage) -> Outcome:
    return await fails(stage, lambda: stage.working_driver().suspend, HANG_S)


async def raylet(stage: Stage) -> Outcome:
    return await fails(stage, lambda: stage.ray_process("raylet").kill, SHOWN_S)


async def gcs(stage: Stage) -> Outcome:
    return await fails(stage, lambda: stage.ray_process("gcs_server").kill, SHOWN_S)


async def whole_ray(stage: Stage) -> Outcome:
    return await fails(stage, lambda: partial(process.kill, stage.ray()), SHOWN_S)


async def server(stage: Stage) -> Outcome:
    """The run before the killed one must still be there, and no event twice."""
    client = await stage.client()
    kept = await client.start("dataset")
    await client.seen(kept, has_ended, END_S)
    await client.close()
    client, run_id = await begin(stage)
    seen = len(client.events[run_id])
    at, dead = time.monotonic(), stage.server
    dead.kill()
    await stage.back(dead.pid)
    back_s = time.monotonic() - at
    again = await stage.client()
    shown_s = time.monotonic() - at
    log = stage.events(run_id)
    faults = [
        what
        for what, holds in {
            "the finished run is not there": again.runs.get(kept) == "succeeded",
            "the killed run is not failed": again.runs.get(run_id) == "failed",
            "events that were shown are gone": len(log) > seen,
            "events are not in order": [e["seq"] for e in log] == [*range(1, len(log) + 1)],
        }.items()
        if not holds
    ]
    next_row_s = await stage.next_row_s()
    await client.close()
    await again.close()
    return Outcome(
        f"{status_of(log[-1])}: {log[-1]['data']['reason']}",
        shown_s,
        OUTAGE_S,
        next_row_s=next_row_s,
        left=await stage.orphans(),
        faults=faults,
        server=f"back after {back_s:.1f} s",
    )


async def tab(stage: Stage) -> Outcome:
    client, run_id = await begin(stage)
    at = time.monotonic()
    await client.vanish()
    client = await stage.client()
    await client.watch(run_id)
    shown_at, _ = await client.seen(run_id, is_rows, END_S)
    _, end = await client.seen(run_id, has_ended, END_S)
    next_row_s = await stage.next_row_s()
    await client.close()
    return Outcome(
        f"the run goes on; another tab has it from its first event; then {end['data']['status']}",
        shown_at - at,
        SHOWN_S,
        next_row_s=next_row_s,
        left=await stage.orphans(),
        faults=check_rows(stage, run_id, RUN["rows"], end),
    )


DEATHS: dict[str, Fault] = {
    "actor": Fault("an actor: `kill -9`", actor),
    "driver": Fault("the driver: `kill -9`", driver),
    "stopped-driver": Fault("the driver: `SIGSTOP`", stopped_driver),
    "raylet": Fault("the raylet: `kill -9`", raylet),
    "gcs": Fault("the GCS: `kill -9`", gcs),
    "ray": Fault("the whole local Ray: `kill -9`", whole_ray),
    "server": Fault("the server: `kill -9`", server),
    "tab": Fault("the browser tab: its socket vanishes", tab),
}
