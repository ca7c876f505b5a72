"""What each role may do: presenters command and publish, viewers vote."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from demo_server.protocol.errors import Refusal
from demo_server.protocol.frames import ErrorCode, Role
from demo_server.web.permissions import require_presenter, require_vote
from demo_server.web.shared_state import SharedState

VOTE: dict[str, JsonValue] = {"batch": {"results": {"me": 1}}}


def test_a_viewer_commands_nothing() -> None:
    require_presenter(Role.PRESENTER)
    with pytest.raises(Refusal, match="Pair this browser") as refused:
        require_presenter(Role.VIEWER)
    assert refused.value.code is ErrorCode.NOT_ALLOWED


def test_a_vote_names_its_voter() -> None:
    assert require_vote("Batch inference - poll", VOTE, None) == "me"


BAD_VOTES: list[tuple[str, dict[str, JsonValue]]] = [
    ("nav", VOTE),
    ("poll", {}),
    ("poll", {"batch": {"status": 1}}),
    ("poll", {"batch": {"results": {"me": 1}, "status": 2}}),
    ("poll", {"batch": None}),
    ("poll", {"batch": {"results": None}}),
    ("poll", {"batch": {"results": {}}}),
    ("poll", {"batch": {"results": {"me": None}}}),
    ("poll", {"batch": {"results": {"me": "all"}}}),
    ("poll", {"batch": {"results": {"me": True}}}),
    ("poll", {"batch": {"results": {"me": 1, "you": 1}}}),
    ("poll", {"batch": {"results": {"m" * 65: 1}}}),
]


@pytest.mark.parametrize(("channel", "patch"), BAD_VOTES)
def test_a_viewer_can_do_nothing_but_vote(channel: str, patch: dict[str, JsonValue]) -> None:
    channels = SharedState()
    with pytest.raises(Refusal) as refused:
        channels.publish(Role.VIEWER, channel, patch, None)
    assert refused.value.code is ErrorCode.NOT_ALLOWED
    assert channels.state == {}
