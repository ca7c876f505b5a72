"""The user's cluster of two nodes, of which one is killed."""

from __future__ import annotations

import asyncio
import time

from bench.faults.client import Event, has_ended, is_rows
from bench.faults.outcome import SHOWN_S, Outcome, check_rows
from bench.faults.stage import Stage
from tests.ray_cluster import RayCluster, free_port

RUN = {"rows": 2000, "batch_size": 64, "blocks": 32, "concurrency": 2}
END_S = 150.0


def works_elsewhere(event: Event) -> bool:
    """Tell whether an actor is on another node: its memory can't be seen from here."""
    actors = event["data"]["actors"] if event["kind"] == "metrics" else []
    return len(actors) > 1 and any(actor["memory_bytes"] == 0 for actor in actors)


def is_alone(event: Event) -> bool:
    """Tell whether the slide shows one actor less."""
    return event["kind"] == "progress" and event["data"]["operators"][-1]["actors"] < 2


async def node() -> Outcome:
    """Kill the node on which one of two actors works."""
    cluster = RayCluster(free_port())
    cluster.add(3, cluster.env())
    other = cluster.add(3, cluster.env())
    stage = Stage("--ray-address", cluster.address, env=cluster.env())
    try:
        await stage.ready()
        client = await stage.client()
        run_id = await client.start("embed", **RUN)
        await client.seen(run_id, works_elsewhere, END_S)
        await client.seen(run_id, is_rows, END_S)
        at, seen = time.monotonic(), len(client.events[run_id])
        await asyncio.to_thread(other.stop)
        shown_at, _ = await client.seen(run_id, lambda e: e["seq"] > seen and is_alone(e), END_S)
        _, end = await client.seen(run_id, has_ended, END_S)
        notes = [note["text"] for note in client.of_kind(run_id, "note") if "died" in note["text"]]
        next_row_s = await stage.next_row_s()
        outcome = Outcome(
            "; ".join(["one actor less, the run goes on", *notes[:1]])
            + f"; then {end['data']['status']}",
            shown_at - at,
            SHOWN_S,
            next_row_s=next_row_s,
            left=[],
            faults=check_rows(stage, run_id, RUN["rows"], end),
        )
        await client.close()
    finally:
        left = await stage.end()
        cluster.stop()
    outcome.left += left
    return outcome
