"""What a run could leave changed in its driver's process; where nothing is, it may do another run.

A run whose code sets an environment variable, changes a setting of Ray Data or puts a function of
its own in the place of a library's must not be felt by the next: its driver is ended then. Values
that are not functions or classes, such as a module's counters, are not compared, nor is what an
experiment gave to `ray.remote` itself.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType

import psutil
from ray import cloudpickle
from ray.data import DataContext

# Whose functions and classes are compared.
PACKAGES = ("demo_server", "datasets", "ray", "sentence_transformers")
# Whose threads go on between runs.
THREADS_OF = ("ray", "demo_server.driver", "concurrent.futures", "threading", "asyncio", "grpc")
# How much more memory a driver may have after its runs.
GROWTH_BYTES = 256 << 20

_CODE = (FunctionType, BuiltinFunctionType, type, staticmethod, classmethod, property)


@dataclass(frozen=True)
class ProcessState:
    """The state before the first run; read and compared between runs."""

    environ: dict[str, str]
    directory: str
    data_context: bytes
    threads: frozenset[threading.Thread]
    children: frozenset[psutil.Process]
    code: tuple[tuple[Mapping[str, object], str, object], ...]  # in which module or class, by name
    memory_bytes: int

    @classmethod
    def now(cls) -> ProcessState:
        """Read the state of this process."""
        return cls(
            environ=dict(os.environ),
            directory=os.getcwd(),
            data_context=data_context(),
            threads=frozenset(threading.enumerate()),
            children=frozenset(psutil.Process().children()),
            code=tuple(code()),
            memory_bytes=memory_bytes(),
        )

    def changes(self) -> list[str]:
        """Name what is different by now; what was imported in addition does not count."""
        try:
            found = {
                "environment variables": self.environ != dict(os.environ),
                "the directory": self.directory != os.getcwd(),
                "Ray Data's settings": self.data_context != data_context(),
                "threads": any(map(goes_on, set(threading.enumerate()) - self.threads)),
                "processes": bool(set(psutil.Process().children()) - self.children),
                "memory": memory_bytes() - self.memory_bytes > GROWTH_BYTES,
            }
        except Exception as error:  # the directory has gone, or a setting can't be compared
            return [f"{type(error).__name__}: {error}"]
        changes = [what for what, changed in found.items() if changed]
        return changes + [name for names, name, value in self.code if names.get(name) is not value]


def data_context() -> bytes:
    found: bytes = cloudpickle.dumps(vars(DataContext.get_current()))  # type: ignore[no-untyped-call]
    return found


def goes_on(thread: threading.Thread) -> bool:
    """Whether a thread is a run's own."""
    target = getattr(thread, "_target", None) or type(thread)
    return not f"{target.__module__}.".startswith(tuple(f"{name}." for name in THREADS_OF))


def memory_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def code() -> Iterator[tuple[Mapping[str, object], str, object]]:
    """Yield each function and class of the packages, and of those classes, with where it stands."""
    for name, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or name.split(".")[0] not in PACKAGES:
            continue
        for names in [vars(module), *classes_of(module)]:
            for key, value in list(names.items()):
                if isinstance(value, _CODE):
                    yield names, key, value


def classes_of(module: ModuleType) -> list[Mapping[str, object]]:
    found = [value for value in vars(module).values() if isinstance(value, type)]
    return [vars(one) for one in found if one.__module__ == module.__name__]
