"""What we change in Ray Data, and start of it early."""

from __future__ import annotations

import importlib
import inspect

import datasets
import pytest
import ray.data

from demo_server.ray_internals import patches
from tests.ray_internals.private_names import private

OURS = "demo_server/ray_internals/patches.py"
SOURCE = "ray.data._internal.datasource.huggingface_datasource.HuggingFaceDatasource"


def test_from_huggingface_asks_where_a_datasets_files_are_and_is_told_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = private(SOURCE, OURS)
    method = "list_parquet_urls_from_dataset"
    monkeypatch.setattr(source, method, inspect.getattr_static(source, method))  # restored after it
    called = inspect.getsource(ray.data.from_huggingface)
    assert f"HuggingFaceDatasource.{method}(" in called, f"Ray asks otherwise: look at {OURS}."
    patches.disable_hub_lookup()
    assert source.list_parquet_urls_from_dataset(datasets.Dataset.from_dict({"id": [1]})) == []


def test_the_actor_location_tracker_is_started_without_arguments() -> None:
    start = private(
        "ray.data._internal.execution.node_trackers.get_or_create_actor_location_tracker", OURS
    )
    assert not inspect.signature(start).parameters, f"Ray starts it otherwise: look at {OURS}."


def test_a_module_is_blocked_within_the_block_alone() -> None:
    with patches._import_blocked("colorsys"), pytest.raises(ImportError):
        importlib.import_module("colorsys")
    assert importlib.import_module("colorsys")
