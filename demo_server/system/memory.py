"""How much memory this process may use, and how many standby drivers fit in it."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from demo_server.system.cgroups import CGROUPS, ControlGroups

# With the workers that stand ready for it, a standby takes about 1 GB.
TWO_STANDBYS_FROM_BYTES = 12 * 10**9


def memory_bytes(groups: ControlGroups = CGROUPS) -> int:
    """Return the memory of this machine in bytes, or what a container has of it."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = groups.read("memory", "memory.limit_in_bytes", "memory.max")
    return min([physical, *(int(limit) for _, limit in limits if limit != "max")])


def available_bytes(groups: ControlGroups = CGROUPS) -> int:
    """Return the memory that may still be taken, in bytes; Ray counts the machine's only."""
    limits = groups.read("memory", "memory.limit_in_bytes", "memory.max")
    left = [int(limit) - used_bytes(directory) for directory, limit in limits if limit != "max"]
    return max(0, min([psutil.virtual_memory().available, *left]))


def used_bytes(group: Path) -> int:
    """Return what a control group has in use, as Kubernetes counts it: no file that is only kept.

    Raises:
        OSError: the group has no memory to count.
    """
    usage, kept = ("memory.current", "inactive_file")
    if not (group / usage).exists():  # version 1
        usage, kept = ("memory.usage_in_bytes", "total_inactive_file")
    lines = (group / "memory.stat").read_text(encoding="utf-8").splitlines()
    stat = dict(line.split() for line in lines)
    return int((group / usage).read_text(encoding="utf-8")) - int(stat[kept])


def standbys_for(memory_bytes: int) -> int:
    """Return how many standbys a machine keeps: the second is for a run right after a cancel."""
    return 2 if memory_bytes >= TWO_STANDBYS_FROM_BYTES else 1
