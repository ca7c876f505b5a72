"""The methods of a dataset that take a run's code, patched for the length of it."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from ray.data import Dataset, dataset
from ray.util.annotations import RayDeprecationWarning

from demo_server.ray_internals.dataset_methods import METHODS, code_replaced, replacing


def unchanged(code: Any) -> tuple[Any, dict[str, Any]]:
    return code, {}


@pytest.mark.parametrize("name", METHODS)
def test_a_patched_method_keeps_its_signature_and_is_restored(name: str) -> None:
    before = getattr(Dataset, name)
    assert list(inspect.signature(before).parameters)[:2] == ["self", "fn"]
    assert "runtime_env" in inspect.signature(before).parameters or name != "map_batches"
    with code_replaced(unchanged):
        assert getattr(Dataset, name) is not before
        assert inspect.signature(getattr(Dataset, name)) == inspect.signature(before)
    assert getattr(Dataset, name) is before


def test_the_code_is_replaced_and_options_of_the_call_go_first() -> None:
    calls: list[Any] = []

    def original(self: Any, fn: Any, **kwargs: Any) -> None:
        calls.append((fn, kwargs))

    method = replacing(original, lambda fn: (f"observed {fn}", {"runtime_env": 1, "memory": 2}))
    method(None, "it", runtime_env=3)
    assert calls == [("observed it", {"runtime_env": 3, "memory": 2})]


def test_what_ray_maps_itself_is_left_as_it_is() -> None:
    calls: list[Any] = []
    method = replacing(lambda self, fn: calls.append(fn), lambda fn: (None, {}))
    exec("method(None, 'its own')", {"method": method, "__name__": "ray.data.dataset"})
    assert calls == ["its own"]


def test_a_deprecation_is_blamed_on_the_code_that_calls() -> None:
    def original(self: Any, fn: Any) -> None:
        dataset._warn_on_ray_remote_args({"max_restarts": -1})

    original.__code__ = original.__code__.replace(co_filename=dataset.__file__)
    method = replacing(original, unchanged)
    with pytest.warns(RayDeprecationWarning) as warned:
        method(None, "it")
    assert [one.filename for one in warned] == [__file__]
