"""The variables that a raylet gives to the workers that it starts."""

from __future__ import annotations

from typing import Any

from demo_server.ray_internals.worker_environment import JOB, NO_JOB, RAYLET
from tests.ray_internals.private_names import private

OURS = "demo_server/ray_internals/worker_environment.py"
CHANGED = f"Ray gives its workers other variables: look at {OURS}."


def test_a_worker_has_the_job_that_it_was_started_for_and_its_raylet(seen: dict[str, Any]) -> None:
    assert seen["environ"].get(JOB) in (seen["job"], NO_JOB), CHANGED
    assert seen["environ"].get(RAYLET) == str(seen["raylet"]["pid"]), CHANGED


def test_the_job_of_a_worker_for_any_is_rays_id_of_none() -> None:
    assert private("ray.JobID", OURS).nil().hex() == NO_JOB, CHANGED
