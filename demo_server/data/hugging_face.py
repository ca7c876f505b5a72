"""How this process talks to the Hugging Face hub, and whether the hub answers."""

from __future__ import annotations

import datasets.config
import httpx2
from huggingface_hub import constants, get_session

TIMEOUT_S = 3.0

# `load_dataset("csv", …)` would report the loading of a local file to be counted, and wait for
# that up to five seconds where there is no network.
datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False


def prefer_cache_when_unreachable() -> None:
    """Where the hub doesn't answer, switch this process to what HF_HUB_OFFLINE=1 means.

    The libraries repeat each request for half a minute on a network that is down, also for what
    they hold in their cache; a conference network shouldn't cost the talk that minute.
    """
    if constants.HF_HUB_OFFLINE or datasets.config.HF_HUB_OFFLINE:
        return
    try:
        get_session().head(constants.ENDPOINT, timeout=TIMEOUT_S)
    except httpx2.TransportError:
        constants.HF_HUB_OFFLINE = True
        datasets.config.HF_HUB_OFFLINE = True
