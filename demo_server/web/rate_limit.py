"""How often something may be done: a token bucket, and one for each address."""

from __future__ import annotations

import time
from collections.abc import Callable

from demo_server.system.addresses import network
from demo_server.web import limits
from demo_server.web.limits import Rate

Clock = Callable[[], float]


class TokenBucket:
    """A bucket that holds `rate.burst` tokens and fills by `rate.per_second`."""

    def __init__(self, rate: Rate, clock: Clock = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._left, self._at = rate.burst, clock()

    @property
    def left(self) -> bool:
        """Whether one more may be taken."""
        now = self._clock()
        self._left = min(self._rate.burst, self._left + (now - self._at) * self._rate.per_second)
        self._at = now
        return self._left >= 1

    def spend(self) -> bool:
        """Take one; False when none is left."""
        if not self.left:
            return False
        self._left -= 1
        return True


class Attempts:
    """Wrong tokens and wrong pairing codes, counted for each address."""

    def __init__(self, rate: Rate = limits.ATTEMPTS, clock: Clock = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._addresses: dict[str, TokenBucket] = {}

    def exhausted(self, address: str) -> bool:
        """Tell whether `address` has to wait before it may try again."""
        known = self._addresses.get(network(address))
        return known is not None and not known.left

    def failed(self, address: str) -> None:
        """Count a wrong attempt from `address`."""
        key = network(address)
        known = self._addresses.pop(key, None) or TokenBucket(self._rate, self._clock)
        known.spend()
        # In the order of their last attempt: the oldest is forgotten first.
        self._addresses[key] = known
        if len(self._addresses) > limits.MAX_COUNTED_ADDRESSES:
            self._addresses.pop(next(iter(self._addresses)))
