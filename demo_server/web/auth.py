"""Who may do what: hosts, origins, roles, pairing codes and the devices' cookies.

Pure decisions; `app` asks them for every route and socket.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from demo_server.protocol.frames import Role
from demo_server.system.files import OWNER_ONLY, write_atomically
from demo_server.web.paired_devices import DEVICE_SECONDS, Device, PairedDevices
from demo_server.web.share_url import Sharing

CODE_SECONDS = 600.0
# A code that stands on a screen is for the phone in the speaker's hand.
SHOWN_CODE_SECONDS = 120.0
MAX_CODES = 32
COOKIE_SECONDS = DEVICE_SECONDS


class Need(Enum):
    """What a route asks of who calls it."""

    NOTHING = "nothing"
    PRESENTER = "presenter"
    LOCAL_SECRET = "local secret"


# Every route there is; one that is not here is refused, and a test says so.
RULES: dict[str, Need] = {
    "/ws": Need.NOTHING,  # the role is decided by the hello and the cookie
    "/api/health": Need.NOTHING,
    "/api/experiments": Need.NOTHING,
    "/api/runs": Need.NOTHING,
    "/api/runs/{run_id}": Need.NOTHING,
    "/api/runs/{run_id}/log": Need.PRESENTER,
    "/api/runs/{run_id}/result.parquet": Need.PRESENTER,
    "/api/protocol.json": Need.NOTHING,
    "/api/pairing-codes": Need.LOCAL_SECRET,
    "/api/check": Need.PRESENTER,
    "/api/devices": Need.PRESENTER,
    "/api/devices/codes": Need.PRESENTER,
    "/api/devices/{device_id}": Need.PRESENTER,
    "/openapi.json": Need.NOTHING,
    "/pair": Need.NOTHING,
    "/{path:path}": Need.NOTHING,  # the deck
}


class HostRule:
    """Which names this server answers to, and whose pages may talk to it.

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
        names = ["localhost", "127.0.0.1", "[::1]"]
        self.hosts = {f"{name}:{port}" for name in names}
        # A browser leaves out the default port.
        self.hosts |= set(names) if port == 80 else set()
        self.hosts |= {host if _has_port(host) else f"{host}:{port}" for host in hosts}
        self.origins = {f"http://{host}" for host in self.hosts} | set(origins)
        self.origins |= {f"https://{host.removesuffix(':443')}" for host in hosts}

    def refuses(self, host: str | None, origin: str | None) -> str | None:
        """Return why a request is refused, None when it is not.

        A request without Origin comes from no page; a browser's socket always has one.
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


def _has_port(host: str) -> bool:
    return host.rpartition("]")[2].count(":") == 1


class Credentials:
    """The presenter's token, the one-time pairing codes, and each device's signed cookie."""

    def __init__(
        self,
        token: str,
        secret: str,
        key: bytes,
        clock: Callable[[], float] = time.time,
        devices: PairedDevices | None = None,
    ) -> None:
        self._token, self._secret, self._key, self._clock = token, secret, key, clock
        self.devices = devices or PairedDevices(clock=clock)
        self._codes: dict[str, float] = {}

    def add_code(self, code: str, seconds: float = CODE_SECONDS) -> None:
        """Let `code` pair one browser within the next `seconds`."""
        while len(self._codes) >= MAX_CODES:
            self._codes.pop(next(iter(self._codes)))
        self._codes[code] = self._clock() + seconds

    def new_code(self, seconds: float = CODE_SECONDS) -> str:
        code = secrets.token_urlsafe(12)
        self.add_code(code, seconds)
        return code

    def redeem(self, code: str, name: str = "a browser") -> str | None:
        """Pair a device by a code that is good, once; return its cookie, else None."""
        for known in [k for k in self._codes if _same(code, k)]:
            if self._codes.pop(known) >= self._clock():
                return self._cookie(self.devices.add(name))
        return None

    def is_local_secret(self, secret: str | None) -> bool:
        return _same(secret, self._secret)

    def role(self, token: str | None, cookie: str | None) -> Role:
        """Return the role that a token or a session cookie gives."""
        is_presenter = _same(token, self._token) or self.device(cookie) is not None
        return Role.PRESENTER if is_presenter else Role.VIEWER

    def device(self, cookie: str | None) -> str | None:
        """Return the id of the paired device that a cookie was given to, if it is still let in."""
        if cookie is None:
            return None
        body, _, signature = cookie.rpartition(".")
        until, _, device_id = body.partition(".")
        genuine = _same(signature, self._sign(body)) and until.isdecimal()
        fresh = genuine and int(until) >= self._clock()
        return device_id if fresh and self.devices.knows(device_id) else None

    def _cookie(self, device: Device) -> str:
        body = f"{int(device.until)}.{device.id}"
        return f"{body}.{self._sign(body)}"

    def _sign(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()


def _same(given: str | None, expected: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), expected.encode())


def session_key(path: Path) -> bytes:
    """Return the key that signs session cookies, made at the first call.

    Kept on disk, so that a restart in the middle of a talk leaves the presenter paired.

    Raises:
        OSError: it can be neither read nor written.
    """
    try:
        key = path.read_bytes()
        if len(key) == 32:
            return key
    except FileNotFoundError:
        pass
    key = secrets.token_bytes(32)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, key, OWNER_ONLY)
    return key
