"""The user's cluster of two nodes, of which one is killed."""

from __future__ import annotations

import asyncio
import time

from tests.faults.client import Event, has_ended, is_rows
from tests.faults.outcome import SHOWN_S, Outcome, check_rows
from tests.faults.stage import Stage
from tests.support.ray_cluster import RayCluster, free_port

RUN = {"rows": 2000, "batch_size": 64, "blocks": 32, "concurrency": 2}
END_S = 150.0


def works_elsewhere(event: Event) -> bool:
    """Return whether an actor is on another node: its memory can't be seen from here."""
    actors = event["data"]["actors"] if event["kind"] == "metrics" else []
    return len(actors) > 1 and any(actor["memory_bytes"] == 0 for actor in actors)


def is_note(event: Event) -> bool:
    """Return whether the slide says that a node is gone."""
    return event["kind"] == "note" and "doesn't answer any more" in event["data"]["text"]


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
        at = time.monotonic()
        await asyncio.to_thread(other.stop)
        shown_at, note = await client.seen(run_id, is_note, END_S)
        _, end = await client.seen(run_id, has_ended, END_S)
        next_row_s = await stage.next_row_s()
        outcome = Outcome(
            f"{note['data']['text']}; then {end['data']['status']}",
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
