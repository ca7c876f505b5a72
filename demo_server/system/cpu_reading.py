"""How long the machine's CPUs had been idle at one moment, to compare with another moment."""

from __future__ import annotations

from typing import NamedTuple

# Where less than this of one CPU is idle, a process may wait for a CPU or for something else: the
# two look the same.
IDLE_SHARE = 0.1


class CpuReading(NamedTuple):
    """What `idle_seconds` was at a moment.

    Attributes:
        at: the moment, in seconds of a clock that never goes back.
        idle_s: what all CPUs together had been idle by then, in seconds.
    """

    at: float
    idle_s: float

    def all_busy_since(self, earlier: CpuReading) -> bool:
        """Return whether no CPU had time to spare between the two."""
        return self.idle_s - earlier.idle_s < IDLE_SHARE * (self.at - earlier.at)
