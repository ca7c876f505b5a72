"""The table of workers that Ray keeps for itself."""

from __future__ import annotations

from typing import Any

from demo_server.ray_internals.workers import DEATHS, WITHOUT_PROCESS
from tests.ray_internals.private_names import private

OURS = "demo_server/ray_internals/workers.py"
CHANGED = f"Ray's table of workers has changed: look at {OURS}."


def test_a_worker_that_is_killed_is_reported_and_the_others_are_not(seen: dict[str, Any]) -> None:
    assert seen["deaths"] == {str(seen["lost_pid"]): "it was killed, or it crashed"}, CHANGED


def test_an_actor_awaits_a_worker_until_it_has_one(seen: dict[str, Any]) -> None:
    assert seen["awaits_a_worker"] == [False, True], CHANGED


def test_the_states_and_deaths_are_those_of_ray() -> None:
    states = private("ray.core.generated.gcs_pb2.ActorTableData.ActorState", OURS)
    assert set(WITHOUT_PROCESS) <= set(states.keys()), CHANGED
    exits = private("ray.core.generated.common_pb2.WorkerExitType", OURS)
    assert set(DEATHS) <= set(exits.values()), CHANGED
