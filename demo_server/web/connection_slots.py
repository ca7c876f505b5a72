"""How many sockets there may be: in all, from one address, and before their hello."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from demo_server.system.addresses import is_loopback, network

MAX_TOTAL = 2000
# A hall may sit behind one address; this machine's own tests and tunnels are not counted.
MAX_OF_ADDRESS = 400
# As many as come at once when a hall scans the code, and far fewer than there may be in all.
MAX_WAITING = 500


class TooManyError(Exception):
    """Why one more socket is not taken, in one sentence."""


class ConnectionSlot:
    """One socket, from its accept to its end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.send_away: Callable[[], object] | None = None


class ConnectionSlots:
    """Counts the sockets; those that have not said hello make room for newer ones."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()
        self._waiting: dict[ConnectionSlot, None] = {}

    @contextmanager
    def visit(self, address: str, always: bool) -> Iterator[ConnectionSlot]:
        """Take a place; with `always` also where none is left, as for a presenter.

        Raises:
            TooManyError: there are too many already.
        """
        key = network(address)
        if not always and self._of.total() >= MAX_TOTAL:
            raise TooManyError("The server is full: try again later.")
        if not always and not is_loopback(address) and self._of[key] >= MAX_OF_ADDRESS:
            raise TooManyError("Too many connections from your address.")
        visit = ConnectionSlot(key)
        self._of[key] += 1
        try:
            yield visit
        finally:
            self._waiting.pop(visit, None)
            self._of[key] -= 1
            if not self._of[key]:
                del self._of[key]

    def wait(self, visit: ConnectionSlot, send_away: Callable[[], object]) -> None:
        """Let a socket wait for its hello; `send_away` ends that wait."""
        visit.send_away = send_away
        self._waiting[visit] = None
        if len(self._waiting) > MAX_WAITING:
            crowd = Counter(waiting.address for waiting in self._waiting)
            most = crowd.most_common(1)[0][0]
            oldest = next(waiting for waiting in self._waiting if waiting.address == most)
            self.arrive(oldest)
            if oldest.send_away:
                oldest.send_away()

    def arrive(self, visit: ConnectionSlot) -> None:
        """A socket waits no longer: it has said hello, or has gone."""
        self._waiting.pop(visit, None)
