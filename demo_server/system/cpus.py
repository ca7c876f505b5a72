"""How many CPUs this process may use, and how long the machine's had nothing to do."""

from __future__ import annotations

import os

import psutil

from demo_server.system.cgroups import CGROUPS, ControlGroups


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


def cgroup_quota(groups: ControlGroups = CGROUPS) -> float | None:
    """Return the tightest quota from our cgroup up to the root, in CPUs; None for no limit."""
    quotas: list[float] = []
    for directory, setting in groups.read("cpu", "cpu.cfs_quota_us", "cpu.max"):
        quota, *period = setting.split()
        if quota not in ("max", "-1"):
            length = period[0] if period else (directory / "cpu.cfs_period_us").read_text()
            quotas.append(int(quota) / int(length))
    return min(quotas, default=None)
