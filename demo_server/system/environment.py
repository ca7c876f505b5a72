"""The environment variables that our processes read. A child process inherits its parent's."""

from __future__ import annotations

import os
import re
from pathlib import Path

from demo_server.system.checkout import CACHE
from demo_server.system.demo_error import SettingsError

# In the cache: models as OpenVINO reads them, and what is known of each engine, a .json a model.
ENGINES = "openvino"


def cache_directory() -> Path:
    """Return where state is kept: `DEMO_CACHE`, else `.cache` of the checkout."""
    return Path(os.environ.get("DEMO_CACHE") or CACHE).absolute()


def stall_s() -> float | None:
    """Return `DEMO_STALL_S`: seconds without progress that end a run, for code that waits longer.

    Raises:
        SettingsError: it is not a number from 1.
    """
    text = os.environ.get("DEMO_STALL_S")
    if text is None:
        return None
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) < 1:
        raise SettingsError(f"DEMO_STALL_S must be a number of seconds from 1, not {text!r}.")
    return float(text)


def presenter_token() -> str | None:
    """Return `DEMO_TOKEN`, the presenter's token; a random one is made where it is unset.

    Raises:
        SettingsError: it has fewer than 8 characters.
    """
    token = os.environ.get("DEMO_TOKEN")
    if token is not None and len(token) < 8:
        raise SettingsError("DEMO_TOKEN must have at least 8 characters, or be unset.")
    return token


def pairing_code() -> str | None:
    """Return `DEMO_PAIRING_CODE`, which pairs one browser, once."""
    return os.environ.get("DEMO_PAIRING_CODE") or None
