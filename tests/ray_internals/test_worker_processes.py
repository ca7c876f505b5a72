"""The processes of a raylet's workers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from demo_server.ray_internals.worker_environment import FORK_SERVERS, JOB
from demo_server.ray_internals.worker_processes import forked

OURS = "demo_server/ray_internals/worker_processes.py"


def test_the_raylet_of_this_machine_is_found_by_its_socket(seen: dict[str, Any]) -> None:
    assert seen["raylet"]["name"] == "raylet", f"Ray names it otherwise: look at {OURS}."


def test_an_actors_process_is_among_the_workers_and_is_named_as_one(seen: dict[str, Any]) -> None:
    worker = seen["workers"].get(str(seen["pid"]))
    assert worker, f"Ray starts workers otherwise: look at {OURS}."
    assert worker["mine"]
    assert worker["command"].startswith("ray::"), f"Ray names workers otherwise: look at {OURS}."


def test_records_of_forks_that_have_ended_are_left_out(tmp_path: Path) -> None:
    record = {"environ": {JOB: "01000000"}, "forks": False}
    alive = tmp_path / f"{os.getpid()}.json"
    alive.write_text(json.dumps(record))
    (tmp_path / "999999999.json").write_text(json.dumps(record))
    environ = {FORK_SERVERS: str(tmp_path)}
    assert [one.process.pid for one in forked(environ)] == [os.getpid()]
    os.utime(alive, (0, 0))  # written long before this process was there: another's
    assert list(forked(environ)) == []
    assert list(forked({})) == []
