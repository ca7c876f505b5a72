"""What a run's figures depend on: the machine and the versions of its packages."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

from demo_server.system.cpus import usable_cpus
from demo_server.system.memory import memory_bytes

PACKAGES = (
    "ray",
    "torch",
    "datasets",
    "sentence-transformers",
    "transformers",
    "openvino",
    "pyarrow",
)


def figures() -> dict[str, Any]:
    """Return what a run's log records of the machine it ran on."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "cpus": usable_cpus(),
        "memory_bytes": memory_bytes(),
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a run's figures depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
