"""How often something may be done: a bucket that fills slowly, one or one for each address."""

from __future__ import annotations

import time
from collections.abc import Callable

from demo_server.system.addresses import network

MAX_ADDRESSES = 1024

Clock = Callable[[], float]


class TokenBucket:
    """A bucket of `size` that fills by `rate` a second."""

    def __init__(self, size: float, rate: float, clock: Clock = time.monotonic) -> None:
        self._size, self._rate, self._clock = size, rate, clock
        self._left, self._at = size, clock()

    @property
    def left(self) -> bool:
        """Whether one more may be taken."""
        now = self._clock()
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left >= 1

    def spend(self) -> bool:
        """Take one; False when none is left."""
        if not self.left:
            return False
        self._left -= 1
        return True


class Attempts:
    """Wrong tokens and wrong pairing codes: ten, then one each six seconds for an address."""

    def __init__(self, size: float = 10, rate: float = 1 / 6, clock: Clock = time.monotonic):
        self._size, self._rate, self._clock = size, rate, clock
        self._addresses: dict[str, TokenBucket] = {}

    def exhausted(self, address: str) -> bool:
        """Tell whether `address` has to wait before it may try again."""
        known = self._addresses.get(network(address))
        return known is not None and not known.left

    def failed(self, address: str) -> None:
        """Count a wrong attempt from `address`."""
        key = network(address)
        known = self._addresses.pop(key, None) or TokenBucket(self._size, self._rate, self._clock)
        known.spend()
        # The one that was heard of last goes last.
        self._addresses[key] = known
        if len(self._addresses) > MAX_ADDRESSES:
            self._addresses.pop(next(iter(self._addresses)))
