"""How many CPUs this process may use, and how long the machine's had nothing to do."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

CGROUP_ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
# Where less than this of one CPU is idle, who waits for a CPU looks like who waits for something
# else.
IDLE_SHARE = 0.1


def usable_cpus() -> int:
    """Return the CPUs that this process may use: its affinity, cut by its cgroups' quota."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux has it, macOS doesn't
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = cgroup_quota()
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def idle_seconds() -> float:
    """Return how long the machine's CPUs had nothing to do since its start, added up."""
    idle: float = psutil.cpu_times().idle
    return idle


def cgroup_quota(root: Path = CGROUP_ROOT, membership: Path = MEMBERSHIP) -> float | None:
    """Return the tightest quota from our cgroup up to the root, in CPUs; None for no limit."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return None
    quotas: list[float] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            base, read = root, read_quota_v2
        elif "cpu" in controllers.split(","):
            base, read = root / "cpu", read_quota_v1
        else:
            continue
        # Inside a container the path may name a place that only the host sees.
        group = base / path.lstrip("/")
        for directory in (group, *group.parents):
            if not directory.is_relative_to(base):
                break
            quota = read(directory)
            if quota is not None:
                quotas.append(quota)
    return min(quotas, default=None)


def read_quota_v2(directory: Path) -> float | None:
    try:
        quota, period = (directory / "cpu.max").read_text(encoding="utf-8").split()
    except OSError:
        return None
    return None if quota == "max" else int(quota) / int(period)


def read_quota_v1(directory: Path) -> float | None:
    try:
        quota = int((directory / "cpu.cfs_quota_us").read_text(encoding="utf-8"))
        period = int((directory / "cpu.cfs_period_us").read_text(encoding="utf-8"))
    except OSError:
        return None
    return None if quota < 0 else quota / period
