"""`map_batches`, `map` and `flat_map` of every dataset, which a run hands its own code through.

The code on a slide calls them as it would in a notebook; what a driver adds to a call, it adds
here. Their signatures stay; `tests/ray_internals/test_dataset_methods.py` fails when Ray's change.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ray.data import Dataset, dataset

METHODS = ("map_batches", "map", "flat_map")

# Takes a function or callable class; returns what runs instead, and options that it runs with.
Replace = Callable[[Any], tuple[Any, dict[str, Any]]]


@contextmanager
def code_replaced(replace: Replace) -> Iterator[None]:
    """Have each of the methods run what `replace` returns; options given in a call go first."""
    originals = {name: getattr(Dataset, name) for name in METHODS}
    for name, original in originals.items():
        setattr(Dataset, name, replacing(original, replace))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(Dataset, name, original)


def replacing(original: Callable[..., Any], replace: Replace) -> Callable[..., Any]:
    """Return a method with the signature of `original`."""

    @functools.wraps(original)
    def method(self: Dataset, fn: Any, *args: Any, **kwargs: Any) -> Any:
        # Ray's own methods map as well, `add_column` for one: that is not the run's code.
        if not sys._getframe(1).f_globals.get("__name__", "").startswith("ray."):
            fn, options = replace(fn)
            kwargs = options | kwargs
        return original(self, fn, *args, **kwargs)

    # Ray blames a deprecation on the first caller outside its own file: the run's code, not this.
    patched: Any = method
    patched.__code__ = patched.__code__.replace(co_filename=dataset.__file__)
    return method
