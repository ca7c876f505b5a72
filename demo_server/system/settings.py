"""What a command was told, checked: the settings of a server or of a run in a terminal."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from demo_server.system.addresses import LOOPBACK, PublicUrl
from demo_server.system.checkout import ROOT

DEFAULT_PORT = 8000


@dataclass(frozen=True)
class Settings:
    """Everything a server or a terminal run needs to know."""

    cache: Path
    dataset: str | None = None
    text_column: str | None = None
    model: str | None = None
    ray_address: str | None = None
    host: str = LOOPBACK
    port: int = DEFAULT_PORT
    dist: Path = ROOT / "dist"
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    share: bool = False
    public_url: PublicUrl | None = None
    runs_bytes: int = 2 * 1024**3
    recorded: bool = False
    stop_on_stdin_close: bool = False
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    pairing_code: str | None = field(default=None, repr=False)

    @property
    def runs(self) -> Path:
        return self.cache / "runs"

    @property
    def machine_file(self) -> Path:
        """Where the measurement of this machine is kept."""
        return self.cache / "machine.json"

    def source_flags(self) -> list[str]:
        """Return the flags that tell a driver its data and its model, where they were given."""
        given = {
            "--dataset": self.dataset,
            "--text-column": self.text_column,
            "--model": self.model,
        }
        return [part for flag, value in given.items() if value for part in (flag, value)]
