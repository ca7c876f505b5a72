"""How much memory this machine has, and how many standby drivers fit in it."""

from __future__ import annotations

import os

# With the workers that stand ready for it, a standby takes about 1 GB.
TWO_STANDBYS_FROM_BYTES = 12 * 10**9


def memory_bytes() -> int:
    """Return the physical memory of this machine in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def standbys_for(memory_bytes: int) -> int:
    """Return how many standbys a machine keeps: the second is for a run right after a cancel."""
    return 2 if memory_bytes >= TWO_STANDBYS_FROM_BYTES else 1
