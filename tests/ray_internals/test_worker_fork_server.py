"""What a forked worker takes for granted about Ray."""

from __future__ import annotations

import inspect
from typing import Any

from demo_server.ray_internals import worker_fork_server
from demo_server.ray_internals.worker_environment import JOB, RAYLET
from tests.ray_internals.private_names import private

OURS = "demo_server/ray_internals/worker_fork_server.py"


def test_the_raylet_starts_workers_by_our_script(seen: dict[str, Any]) -> None:
    [command] = [word for word in seen["raylet"]["words"] if "--python_worker_command=" in word]
    assert "worker_start.py" in command, f"A raylet starts workers otherwise: look at {OURS}."


def test_ray_sets_these_variables_for_each_process_of_its_own() -> None:
    flags = private("ray._private.ray_constants.RAY_INTERNAL_FLAGS", OURS)
    assert {JOB, RAYLET} <= set(flags), f"Ray has other variables for its workers: look at {OURS}."


def test_a_forked_worker_is_named_as_ray_names_one_that_waits() -> None:
    name = private("ray._private.ray_constants.WORKER_PROCESS_TYPE_IDLE_WORKER", OURS)
    named = inspect.getsource(worker_fork_server.main)
    assert f'name_process("{name}")' in named, f"Ray names its workers otherwise: look at {OURS}."
