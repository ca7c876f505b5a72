"""Where the audience reaches this server: at the machine's own addresses or at a public one."""

from __future__ import annotations

import time
from collections.abc import Callable

from demo_server.system.addresses import PublicUrl, lan_addresses, local_name

# The machine may join another network in the middle of a talk.
REFRESH_INTERVAL_S = 2.0


class Sharing:
    """The address that the audience opens, and the hosts that it adds to the allowed ones.

    `lan` means that the server listens on the local network; `public_url` is shown instead of
    the machine's own address where it is given.
    """

    def __init__(
        self,
        port: int,
        lan: bool = False,
        public_url: PublicUrl | None = None,
        find_addresses: Callable[[], list[str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._port, self._lan, self._public_url = port, lan, public_url
        self._find_addresses, self._clock = find_addresses or lan_addresses, clock
        self._refreshed_at = -REFRESH_INTERVAL_S
        self._addresses: list[str] = []
        self._refresh()

    @property
    def url(self) -> str | None:
        """The audience's address; None where there is none, or no network yet."""
        if self._public_url:
            return str(self._public_url)
        self._refresh()
        return f"http://{self._with_port(self._addresses[0])}" if self._addresses else None

    @property
    def origins(self) -> frozenset[str]:
        """The origins of this server's pages there."""
        self._refresh()
        names = [*self._addresses, local_name()] if self._lan else []
        own = {f"http://{self._with_port(name)}" for name in names if name}
        return frozenset(own | ({str(self._public_url)} if self._public_url else set()))

    @property
    def hosts(self) -> frozenset[str]:
        """What a browser there writes into `Host`."""
        return frozenset(origin.partition("://")[2] for origin in self.origins)

    def _with_port(self, name: str) -> str:
        return name if self._port == 80 else f"{name}:{self._port}"

    def _refresh(self) -> None:
        now = self._clock()
        if self._lan and now - self._refreshed_at >= REFRESH_INTERVAL_S:
            self._refreshed_at, self._addresses = now, self._find_addresses()
