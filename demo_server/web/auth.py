"""The presenter's credentials: token, one-time pairing codes, and the devices' signed cookies."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from itsdangerous import BadSignature, Signer

from demo_server.protocol.frames import Role
from demo_server.system.files import OWNER_ONLY, write_atomically
from demo_server.web import limits
from demo_server.web.paired_devices import PairedDevices

KEY_BYTES = 32


class Credentials:
    """What makes a client the presenter's; everybody else is a viewer."""

    def __init__(
        self,
        token: str,
        secret: str,
        key: bytes,
        clock: Callable[[], float] = time.time,
        devices: PairedDevices | None = None,
    ) -> None:
        self._token, self._secret, self._clock = token, secret, clock
        self._signer = Signer(
            key, salt="demo-server device", key_derivation="hmac", digest_method=hashlib.sha256
        )
        self.devices = devices or PairedDevices(clock=clock)
        self._codes: dict[str, float] = {}

    def add_code(self, code: str, seconds: float = limits.CODE_SECONDS) -> None:
        """Let `code` pair one browser within the next `seconds`."""
        while len(self._codes) >= limits.MAX_CODES:
            self._codes.pop(next(iter(self._codes)))
        self._codes[code] = self._clock() + seconds

    def new_code(self, seconds: float = limits.CODE_SECONDS) -> str:
        """Return a new code that pairs one browser within the next `seconds`."""
        code = secrets.token_urlsafe(12)
        self.add_code(code, seconds)
        return code

    def redeem(self, code: str, name: str = "a browser") -> str | None:
        """Pair a device by a valid code, once; return its cookie, else None."""
        for known in [k for k in self._codes if _same(code, k)]:
            if self._codes.pop(known) >= self._clock():
                return self._signer.sign(self.devices.add(name).id).decode()
        return None

    def is_local_secret(self, secret: str | None) -> bool:
        """Tell whether `secret` is the one in this server's state file."""
        return _same(secret, self._secret)

    def role(self, token: str | None, cookie: str | None) -> Role:
        """Return the role that a token or a session cookie gives."""
        is_presenter = _same(token, self._token) or self.device(cookie) is not None
        return Role.PRESENTER if is_presenter else Role.VIEWER

    def device(self, cookie: str | None) -> str | None:
        """Return the id of the device that a cookie was given to, None once it may not enter.

        The list of paired devices decides how long a cookie is valid.
        """
        if cookie is None:
            return None
        try:
            device_id = self._signer.unsign(cookie).decode()
        except BadSignature:
            return None
        return device_id if self.devices.is_paired(device_id) else None


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
        if len(key) == KEY_BYTES:
            return key
    except FileNotFoundError:
        pass
    key = secrets.token_bytes(KEY_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, key, OWNER_ONLY)
    return key
