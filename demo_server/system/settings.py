"""The checked settings of a server, or of a run in a terminal."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from demo_server.system.addresses import LOOPBACK, PublicUrl
from demo_server.system.checkout import ROOT

DEFAULT_PORT = 8000


class Inputs(BaseModel):
    """The dataset and the model of all runs, as the user names them; None means the bundled one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str | None = None
    text_column: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Settings:
    """Everything a server or a terminal run needs to know."""

    cache: Path
    inputs: Inputs = field(default_factory=Inputs)
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
