"""The table of actors that Ray keeps for itself."""

from __future__ import annotations

from typing import Any

CHANGED = "Ray's table of actors has changed: look at demo_server/ray_internals/actors.py."


def test_the_actors_of_a_job_are_those_of_its_own_code(seen: dict[str, Any]) -> None:
    found = {actor["pid"]: actor for actor in seen["actors"]}
    assert found.keys() == {seen["pid"], seen["lost_pid"]}, CHANGED
    assert found[seen["pid"]]["state"] == "alive", CHANGED
    assert found[seen["pid"]]["memory_bytes"] > 0, CHANGED


def test_ray_data_has_begun_when_its_first_dataset_is_computed(seen: dict[str, Any]) -> None:
    assert seen["ray_data_has_begun"], CHANGED
