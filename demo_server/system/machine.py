"""What this machine has, asked without importing anything heavy."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
from pathlib import Path
from typing import Any

PACKAGES = (
    "ray",
    "torch",
    "datasets",
    "sentence-transformers",
    "transformers",
    "openvino",
    "pyarrow",
)
# With the workers that stand ready for it, a standby takes about 1 GB.
TWO_STANDBYS_FROM_BYTES = 12 * 10**9


def usable_cpus() -> int:
    """Return the cores this process may use: affinity and cgroup quota, not what is built in."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = _cgroup_cpus(Path("/sys/fs/cgroup/cpu.max"))
    return max(1, min(cores, quota) if quota else cores)


def _cgroup_cpus(path: Path) -> int | None:
    """Return the whole cores that a cgroup v2 `cpu.max` allows, None for no limit."""
    try:
        quota, period = path.read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, math.floor(int(quota) / int(period)))


def memory_bytes() -> int:
    """Return the physical memory of this machine in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def standbys_for(memory_bytes: int) -> int:
    """Return how many standbys a machine keeps: the second is for a run right after a cancel."""
    return 2 if memory_bytes >= TWO_STANDBYS_FROM_BYTES else 1


def figures() -> dict[str, Any]:
    """Return what a run's log says about the machine it ran on."""
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
