"""The names of actors that Ray Data starts for itself."""

from __future__ import annotations

from typing import Any

from demo_server.ray_internals.actor_names import RAYS_OWN

CHANGED = "Ray Data's own actors have changed: look at demo_server/ray_internals/actor_names.py."


def test_the_actors_that_ray_data_starts_for_itself_have_these_names(seen: dict[str, Any]) -> None:
    assert set(RAYS_OWN) <= set(seen["actor_classes"]), CHANGED
