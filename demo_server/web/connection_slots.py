"""How many websockets there may be: in all, from one address, and before their hello."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from demo_server.protocol.errors import TooManyError
from demo_server.system.addresses import is_loopback, network
from demo_server.web import limits


class ConnectionSlot:
    """One websocket, from its accept to its end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.evict: Callable[[], object] | None = None


class ConnectionSlots:
    """Counts the websockets; those that have sent no hello make room for newer ones."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()
        self._without_hello: dict[ConnectionSlot, None] = {}

    @contextmanager
    def acquire(self, address: str, always: bool) -> Iterator[ConnectionSlot]:
        """Occupy a slot during the block; with `always` also where none is free.

        Raises:
            TooManyError: there are too many already.
        """
        key = network(address)
        if not always and self._of.total() >= limits.MAX_WEBSOCKETS:
            raise TooManyError("The server is full: try again later.")
        of_address = 0 if is_loopback(address) else self._of[key]
        if not always and of_address >= limits.MAX_WEBSOCKETS_OF_ADDRESS:
            raise TooManyError("Too many connections from your address.")
        slot = ConnectionSlot(key)
        self._of[key] += 1
        try:
            yield slot
        finally:
            self._without_hello.pop(slot, None)
            self._of[key] -= 1
            if not self._of[key]:
                del self._of[key]

    def await_hello(self, slot: ConnectionSlot, evict: Callable[[], object]) -> None:
        """Count a slot as waiting for its hello; `evict` ends that wait early."""
        slot.evict = evict
        self._without_hello[slot] = None
        if len(self._without_hello) > limits.MAX_WITHOUT_HELLO:
            waiting = Counter(other.address for other in self._without_hello)
            most = waiting.most_common(1)[0][0]
            oldest = next(other for other in self._without_hello if other.address == most)
            self.end_wait(oldest)
            if oldest.evict:
                oldest.evict()

    def end_wait(self, slot: ConnectionSlot) -> None:
        """Count a slot as waiting no longer: its hello has come, or its client has gone."""
        self._without_hello.pop(slot, None)
