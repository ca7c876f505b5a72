"""Network addresses: loopback, those of this machine, and a public one."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
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
            raise ValueError(f"is not a valid address: {error}") from None
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError("is not the address of a web page")
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


def network(address: str) -> str:
    """Return what counts as one address: an IPv6 client has 2^64, its /64 network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.IPv6Network((int(parsed), 64), strict=False))
    return str(parsed)


def is_loopback(address: str) -> bool:
    """Return whether `address` is of this machine itself."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


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
    # A link-local address, which an interface gave itself, is the last resort.
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
