"""What goes wrong without a process that dies: disks, files, data, and code of a speaker's own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.faults.client import Event, has_ended, status_of
from tests.faults.deaths import END_S, RUN, Fault, begin, is_failure
from tests.faults.outcome import HANG_S, SHOWN_S, Outcome, check_rows
from tests.faults.stage import Stage

HOLD_STORE_S = 12.0
FILL_STORE = """
import sys, time
import numpy as np, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="error")
total = ray.cluster_resources()["object_store_memory"]
held = [ray.put(np.ones(2**24, np.uint8)) for _ in range(int(total * 1.1) >> 24)]
print("full", flush=True)
time.sleep(float(sys.argv[2]))
"""


async def full_disk(stage: Stage) -> Outcome:
    """The server's own limit on a file's size: to the log it is what a full disk is."""
    server = stage.server
    client, run_id = await begin(stage)
    full = (stage.cache / "runs" / run_id / "log.jsonl").stat().st_size + 500
    at = time.monotonic()
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
    try:
        shown_at, event = await client.seen(run_id, _says("not recorded"), END_S)
    finally:  # the drivers that it starts must not inherit it
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
    _, end = await client.seen(run_id, has_ended, END_S)
    faults = check_rows(stage, run_id, RUN["rows"], end)
    refusal = _log(stage, run_id)
    if "was not recorded" not in refusal:
        faults.append("its log is not refused")
    next_row_s = await stage.next_row_s()
    await client.close()
    return Outcome(
        f"{event['data']['text'].split(' Make')[0]}; then {end['data']['status']}; its log is "
        f"refused: {refusal.split('to its end: ')[-1]}",
        shown_at - at,
        SHOWN_S,
        next_row_s=next_row_s,
        left=await stage.orphans(),
        faults=faults,
    )


def _says(words: str) -> Callable[[Event], bool]:
    return lambda event: event["kind"] == "note" and words in event["data"]["text"]


def _log(stage: Stage, run_id: str) -> str:
    url = f"http://127.0.0.1:{stage.port}/api/runs/{run_id}/log"
    headers = {"Authorization": f"Bearer {stage.token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return str(answer.read(100).decode())
    except urllib.error.HTTPError as refused:
        return str(json.load(refused)["detail"])


async def full_store(stage: Stage) -> Outcome:
    """Another job fills the object store and holds it: Ray writes the run's blocks to disk."""
    client, run_id = await begin(stage)
    with _filled_store(stage):
        full_at, _ = await client.seen(run_id, lambda e: _store_share(e) > 0.9, 60)
        shown_at, event = await client.seen(run_id, _says("object store is full"), END_S)
        _, end = await client.seen(run_id, has_ended, END_S)
    next_row_s = await stage.next_row_s()
    await client.close()
    return Outcome(
        f"{event['data']['text']}; then {end['data']['status']}",
        max(0.0, shown_at - full_at),
        SHOWN_S,
        next_row_s=next_row_s,
        left=await stage.orphans(),
        faults=check_rows(stage, run_id, RUN["rows"], end),
        remark="after the meter",
    )


def _store_share(event: Event) -> float:
    if event["kind"] != "metrics":
        return 0.0
    data = event["data"]
    return float(data["object_store_bytes"] / data["object_store_total_bytes"])


@contextmanager
def _filled_store(stage: Stage) -> Iterator[None]:
    environ = stage.ray_process("raylet").environ()
    ray = stage.ray_access()
    child = subprocess.Popen(
        [sys.executable, "-c", FILL_STORE, ray.address, str(HOLD_STORE_S)],
        env={**environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": ray.token},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        child.kill()
        child.wait()


async def model(stage: Stage) -> Outcome:
    """The weights are taken away before a run, and put back when it has failed."""
    weights, away = stage.model / "model.safetensors", stage.directory / "away"
    client = await stage.client()
    weights.rename(away)
    run_id = await client.start("embed", **RUN)
    began = time.monotonic()
    shown_at, event = await client.seen(run_id, has_ended, END_S)
    away.rename(weights)
    next_row_s = await stage.next_row_s()
    await client.close()
    return Outcome(
        f"{status_of(event)}: {event['data']['reason']}",
        shown_at - began,
        None,
        next_row_s=next_row_s,
        left=await stage.orphans(),
        faults=[] if is_failure(event) else ["it did not fail"],
        remark="from the press; an actor must start to find out",
    )


async def _own_experiment(stage: Stage, name: str, bar_s: float) -> Outcome:
    """Run an experiment that notes itself when it goes wrong."""
    noted = stage.cache / "fault-at"
    noted.unlink(missing_ok=True)
    client = await stage.client()
    run_id = await client.start(name)
    shown_at, event = await client.seen(run_id, has_ended, END_S)
    shown = time.time() - (time.monotonic() - shown_at)
    reason = event["data"]["reason"]
    at = float(noted.read_text()) if noted.exists() else float(reason.split(" at ")[-1])
    next_row_s = await stage.next_row_s()
    await client.close()
    return Outcome(
        f"{status_of(event)}: {reason}",
        shown - at,
        bar_s,
        next_row_s=next_row_s,
        left=await stage.orphans(),
        faults=[] if is_failure(event) else ["it did not fail"],
    )


async def raising(stage: Stage) -> Outcome:
    return await _own_experiment(stage, "raising", SHOWN_S)


async def hanging(stage: Stage) -> Outcome:
    return await _own_experiment(stage, "hanging", HANG_S)


async def dying(stage: Stage) -> Outcome:
    return await _own_experiment(stage, "dying", HANG_S * 3)


CONDITIONS: dict[str, Fault] = {
    "disk": Fault("a full disk under the run log", full_disk),
    "store": Fault("a full object store, for 12 s", full_store),
    "model": Fault("the model's file is removed", model),
    "dataset": Fault("a dataset that raises in the middle", raising),
    "hang": Fault("a UDF that hangs", hanging),
    "dying": Fault("a UDF whose process dies of one row each time", dying),
}
