"""What we change in Ray Data or start early, by its private modules: Ray is pinned exactly."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ray.data._internal.execution.node_trackers import get_or_create_actor_location_tracker


def start_actor_location_tracker() -> None:
    """Start the actor that each execution asks where the actors of `map_batches` are."""
    get_or_create_actor_location_tracker()  # type: ignore[no-untyped-call]


def disable_hub_lookup() -> None:
    """Have `from_huggingface` take the rows that `datasets` has loaded.

    It would ask the hub first whether it has the same rows as Parquet, also for a dataset read
    from disk; without a network that request is an error.
    """
    with _import_blocked("transformers"):  # 0.5 s that Ray's module takes for `datasets` before 4.0
        module = importlib.import_module("ray.data._internal.datasource.huggingface_datasource")
    module.HuggingFaceDatasource.list_parquet_urls_from_dataset = classmethod(lambda cls, _: [])


@contextmanager
def _import_blocked(name: str) -> Iterator[None]:
    """Have imports of a module fail within the block, as where it isn't installed."""
    known = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
        if known:
            sys.modules[name] = known
