"""Shared deck state: pages, clicks, drawings and poll votes, merged on the server.

A patch is a JSON merge patch: objects are merged at every depth, `null` removes a key, and
anything else replaces. Poll votes lie under their voter's key, so simultaneous ones both stay.
"""

from __future__ import annotations

import json

from pydantic import JsonValue

from demo_server.protocol.errors import Refusal
from demo_server.protocol.frames import ErrorCode, Role
from demo_server.web import limits
from demo_server.web.frame_parser import is_deeper
from demo_server.web.permissions import require_vote

Patch = dict[str, JsonValue]


def merge(target: Patch, patch: Patch) -> None:
    """Merge `patch` into `target` in place; `null` removes."""
    for key, value in patch.items():
        present = target.get(key)
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            below = present if isinstance(present, dict) else {}
            merge(below, value)
            target[key] = below
        else:
            target[key] = value


def combine(earlier: Patch, later: Patch) -> bool:
    """Make `earlier` the one patch that does what `earlier` and then `later` do, if there is one.

    There is none where `earlier` removes or replaces what `later` then adds to: a patch cannot
    say "empty it first". Then nothing changes, and the answer is False.
    """
    if not _combinable(earlier, later):
        return False
    for key, value in later.items():
        present = earlier.get(key)
        if isinstance(value, dict) and isinstance(present, dict):
            combine(present, value)
        else:
            earlier[key] = value
    return True


def _combinable(earlier: Patch, later: Patch) -> bool:
    for key, value in later.items():
        if key not in earlier or not isinstance(value, dict):
            continue
        present = earlier[key]
        if not isinstance(present, dict) or not _combinable(present, value):
            return False
    return True


class SharedState:
    """The state of every channel, each bounded, and which browser each voter belongs to."""

    def __init__(self) -> None:
        self.state: dict[str, Patch] = {}
        self._browsers: dict[str, str] = {}
        self._voters: dict[str, str] = {}

    def publish(
        self,
        role: Role,
        channel: str,
        patch: Patch,
        voter: str | None,
        browser: str | None = None,
    ) -> str | None:
        """Merge `patch` and return the voter that the sender is bound to from now on.

        A voter that once came from a `browser` is taken from no other one: everybody can read
        the voters' names.

        Raises:
            Refusal: the sender may not, or the state would grow too large.
        """
        if is_deeper(patch, limits.MAX_PATCH_DEPTH):
            raise Refusal(
                ErrorCode.BAD_FRAME,
                f"A patch may be {limits.MAX_PATCH_DEPTH} levels deep.",
                field="patch",
            )
        if role is not Role.PRESENTER:
            voter = require_vote(channel, patch, voter)
            self._claim(voter, browser)
        if channel not in self.state and len(self.state) >= limits.MAX_CHANNELS:
            raise Refusal(
                ErrorCode.TOO_MANY,
                f"There are {limits.MAX_CHANNELS} channels already.",
                field="channel",
            )
        merged = json.loads(json.dumps(self.state.get(channel, {})))
        merge(merged, json.loads(json.dumps(patch)))
        if len(json.dumps(merged)) > limits.MAX_CHANNEL_BYTES:
            raise Refusal(
                ErrorCode.TOO_MANY,
                f"Channel {channel!r} would hold more than {limits.MAX_CHANNEL_BYTES // 1024} KiB; "
                "clear it before adding to it.",
                field="patch",
            )
        self.state[channel] = merged
        return voter

    def _claim(self, voter: str, browser: str | None) -> None:
        if self._browsers.get(voter, browser) != browser:
            raise Refusal(
                ErrorCode.NOT_ALLOWED, "Somebody else has voted by this name.", field="patch"
            )
        if browser is None:
            return
        if self._voters.get(browser, voter) != voter:
            raise Refusal(
                ErrorCode.NOT_ALLOWED, "This browser has voted as somebody else.", field="patch"
            )
        if len(self._voters) >= limits.MAX_VOTERS and browser not in self._voters:
            raise Refusal(ErrorCode.TOO_MANY, "There are too many voters.", field="patch")
        self._browsers[voter], self._voters[browser] = browser, voter
