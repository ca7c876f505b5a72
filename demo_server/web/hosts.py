"""Which names the server answers to, and the one that loopback names lead to."""

from __future__ import annotations

from fastapi.requests import HTTPConnection

from demo_server.web.share_url import Sharing

# What `npm start` prints and pairs: cookies of one loopback name are not sent to another.
CANONICAL = "localhost"
LOOPBACK_NAMES = (CANONICAL, "127.0.0.1", "[::1]")
# Set by a proxy or a tunnel: the browser then is elsewhere, and a loopback name is not its own.
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host")


class HostRule:
    """Which names this server answers to, and whose pages may use it.

    What `sharing` adds may change while the server runs: the machine may join another network.
    """

    def __init__(
        self,
        port: int,
        hosts: tuple[str, ...] = (),
        origins: tuple[str, ...] = (),
        sharing: Sharing | None = None,
    ) -> None:
        self.port, self._sharing = port, sharing
        self.hosts = {f"{name}:{port}" for name in LOOPBACK_NAMES}
        # A browser leaves out the default port.
        self.hosts |= set(LOOPBACK_NAMES) if port == 80 else set()
        self.hosts |= {host if _has_port(host) else f"{host}:{port}" for host in hosts}
        self.origins = {f"http://{host}" for host in self.hosts} | set(origins)
        self.origins |= {f"https://{host.removesuffix(':443')}" for host in hosts}

    def refusal(self, host: str | None, origin: str | None) -> str | None:
        """Return why a request is refused, None when it is not.

        A request without Origin comes from no page; a browser's websocket always has one.
        """
        if host is None or not self._answers_to(host.lower()):
            return f"This server does not answer to the name {host!r}; see --allow-host."
        if origin is not None and not self._may_use(origin.lower()):
            return f"Pages of {origin!r} may not use this server; see --allow-origin."
        return None

    def _answers_to(self, host: str) -> bool:
        return host in self.hosts or bool(self._sharing and host in self._sharing.hosts)

    def _may_use(self, origin: str) -> bool:
        return origin in self.origins or bool(self._sharing and origin in self._sharing.origins)


def canonical_url(request: HTTPConnection) -> str | None:
    """Return the address that a page asked for by another loopback name is at, None for the rest.

    Only a browser's navigation is led there: programs and a page's own requests go on by the name
    that they use.
    """
    headers = request.headers
    name = _name(headers.get("host", ""))
    is_page = request.scope["method"] in ("GET", "HEAD") and "text/html" in headers.get(
        "accept", ""
    )
    is_forwarded = any(header in headers for header in FORWARDED)
    if name == CANONICAL or name not in LOOPBACK_NAMES or not is_page or is_forwarded:
        return None
    return str(request.url.replace(hostname=CANONICAL))


def is_loopback_name(host: str) -> bool:
    """Tell whether a `Host` header names this machine itself."""
    return _name(host) in LOOPBACK_NAMES


def _name(host: str) -> str:
    return (host.rpartition(":")[0] if _has_port(host) else host).lower()


def _has_port(host: str) -> bool:
    return host.rpartition("]")[2].count(":") == 1
