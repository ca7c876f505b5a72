"""Where the audience reaches this server: at the machine's own addresses or at a public one."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

# The machine may join another network in the middle of a talk.
LOOK_INTERVAL_S = 2.0
# A documentation address: asking for the way there sends nothing.
_ELSEWHERE = ("198.51.100.1", 9)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class PublicUrl:
    """An address that somebody else forwards to this server: a tunnel, a hotspot."""

    scheme: str
    host: str

    @classmethod
    def parse(cls, text: str) -> PublicUrl:
        """Read an address as a person writes it.

        Raises:
            ValueError: what is wrong with it, as the end of a sentence.
        """
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError as error:
            raise ValueError(f"is no address: {error}") from None
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError("is no address of a web page")
        if not re.fullmatch(r"[a-z0-9.\-]+|[0-9a-f:.]+", parts.hostname):
            raise ValueError(f"has no usable host name: {parts.hostname}")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must not hold a user name or a password: everybody will see it")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("must end after the host: the deck is served from the top")
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        plain = port is None or port == _DEFAULT_PORTS[parts.scheme]
        return cls(parts.scheme, name if plain else f"{name}:{port}")

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}"


class Sharing:
    """What the audience is told to open, and the hosts that this adds to the allowed ones.

    `lan` says that the server listens on the local network; `public_url` is shown instead of
    the machine's own address where it is given.
    """

    def __init__(
        self,
        port: int,
        lan: bool = False,
        public_url: PublicUrl | None = None,
        find: Callable[[], list[str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._port, self._lan, self._public_url = port, lan, public_url
        self._find, self._clock = find or lan_addresses, clock
        self._looked_at = -LOOK_INTERVAL_S
        self._addresses: list[str] = []
        self._look()

    @property
    def url(self) -> str | None:
        """The audience's address; None where there is none, or no network yet."""
        if self._public_url:
            return str(self._public_url)
        self._look()
        return f"http://{self._with_port(self._addresses[0])}" if self._addresses else None

    @property
    def origins(self) -> frozenset[str]:
        """The origins of this server's pages there."""
        self._look()
        names = [*self._addresses, local_name()] if self._lan else []
        own = {f"http://{self._with_port(name)}" for name in names if name}
        return frozenset(own | ({str(self._public_url)} if self._public_url else set()))

    @property
    def hosts(self) -> frozenset[str]:
        """What a browser there writes into `Host`."""
        return frozenset(origin.partition("://")[2] for origin in self.origins)

    def _with_port(self, name: str) -> str:
        return name if self._port == 80 else f"{name}:{self._port}"

    def _look(self) -> None:
        now = self._clock()
        if self._lan and now - self._looked_at >= LOOK_INTERVAL_S:
            self._looked_at, self._addresses = now, self._find()


def lan_addresses() -> list[str]:
    """Return this machine's IPv4 addresses that others can reach, the likeliest first."""
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    found = [
        address.address
        for name, addresses in psutil.net_if_addrs().items()
        if name in up
        for address in addresses
        if address.family is socket.AF_INET and not address.address.startswith(("127.", "0."))
    ]
    preferred = _towards_elsewhere()
    # What an interface gave itself because nobody else did is the last resort.
    return sorted(
        set(found), key=lambda a: (a != preferred, a.startswith("169.254."), found.index(a))
    )


def local_name() -> str | None:
    """Return the name by which multicast DNS knows this machine, None where it can have none."""
    label = socket.gethostname().partition(".")[0].lower()
    return f"{label}.local" if _LABEL.fullmatch(label) else None


def _towards_elsewhere() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return None
        return str(probe.getsockname()[0])
