"""The presenter's devices: each browser that a pairing code let in, until it is revoked."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from demo_server.system.files import OWNER_ONLY, write_atomically
from demo_server.web import limits

log = logging.getLogger(__name__)

_SYSTEMS = ("iPhone", "iPad", "Android", "Windows", "Macintosh", "CrOS", "Linux")
_BROWSERS = {"Edg": "Edge", "Firefox": "Firefox", "Chrome": "Chrome", "CriOS": "Chrome"}


class Device(BaseModel):
    id: str
    name: str
    paired_at: float
    """Unix time in seconds."""
    until: float
    """Unix time in seconds."""


_FILE = TypeAdapter(list[Device])


class PairedDevices:
    """Which devices are paired; a file keeps them over a restart.

    Only the ones in the list are let in, so a lost file pairs nobody.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock
        self._devices = {device.id: device for device in self._read()}

    def add(self, name: str) -> Device:
        """Pair a device; where there are too many the oldest goes."""
        now = self._clock()
        device = Device(
            id=secrets.token_hex(8), name=name, paired_at=now, until=now + limits.DEVICE_SECONDS
        )
        kept = self.paired()[-limits.MAX_DEVICES + 1 :]
        self._devices = {known.id: known for known in [*kept, device]}
        try:
            self._write()
        except OSError as error:
            log.warning("%s is paired until the server ends only: %s", name, error.strerror)
        return device

    def is_paired(self, device_id: str) -> bool:
        device = self._devices.get(device_id)
        return device is not None and device.until >= self._clock()

    def paired(self) -> list[Device]:
        """Return all that are let in, the oldest first."""
        return [device for device in self._devices.values() if self.is_paired(device.id)]

    def revoke(self, device_id: str) -> bool:
        """Let a device in no more, also after a restart; False where it is not known.

        Raises:
            OSError: it is shut out now, but the file still names it.
        """
        if self._devices.pop(device_id, None) is None:
            return False
        self._write()
        return True

    def _read(self) -> list[Device]:
        if self._path is None:
            return []
        try:
            return _FILE.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            log.warning("%s cannot be read, pair your devices again: %s", self._path, error)
            return []

    def _write(self) -> None:
        if self._path is not None:
            write_atomically(self._path, _FILE.dump_json(self.paired()), OWNER_ONLY)


def device_name(user_agent: str) -> str:
    """Return what a person calls the device that sent this `User-Agent`."""
    system = next((word for word in _SYSTEMS if word in user_agent), "")
    browser = next((name for word, name in _BROWSERS.items() if f"{word}/" in user_agent), None)
    if browser is None and re.search(r"Version/\S+ .*Safari/", user_agent):
        browser = "Safari"
    system = {"Macintosh": "Mac", "CrOS": "Chromebook"}.get(system, system)
    return " on ".join(part for part in (browser, system) if part) or "a browser"
