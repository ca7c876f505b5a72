"""What each role may do over the websocket: presenters everything, viewers vote in polls.

Over HTTP each route declares its role on its own line; see `dependencies.py`.
"""

from __future__ import annotations

from pydantic import JsonValue

from demo_server.protocol.errors import Refusal
from demo_server.protocol.frames import ErrorCode, Role
from demo_server.web import limits


def require_presenter(role: Role) -> None:
    """Refuse a viewer who would start, cancel or act on a run.

    Raises:
        Refusal: with code `not_allowed`.
    """
    if role is not Role.PRESENTER:
        raise Refusal(
            ErrorCode.NOT_ALLOWED,
            "Only the presenter can do this. Pair this browser with the address that "
            "the server's start printed.",
            field="type",
        )


def is_poll(channel: str) -> bool:
    """Return whether viewers may vote on `channel`; Slidev names it after the deck's title."""
    return channel == "poll" or channel.endswith(" - poll")


def require_vote(channel: str, patch: dict[str, JsonValue], bound: str | None) -> str:
    """Return the one voter for whom a viewer's patch votes: `{poll: {results: {voter: choice}}}`.

    `bound` is who this connection has voted as, None before its first vote.

    Raises:
        Refusal: the patch is anything else.
    """
    if not is_poll(channel):
        raise Refusal(
            ErrorCode.NOT_ALLOWED,
            "Only the presenter publishes here; viewers vote in polls.",
            field="channel",
        )
    voters: set[str] = set()
    for poll in patch.values():
        results = poll.get("results") if isinstance(poll, dict) and len(poll) == 1 else None
        if not isinstance(results, dict) or not all(map(_is_choice, results.values())):
            raise Refusal(
                ErrorCode.NOT_ALLOWED,
                "A viewer may only vote: {poll: {results: {voter: choice}}}.",
                field="patch",
            )
        voters.update(results)
    if len(voters) != 1 or len(patch) > limits.MAX_POLLS:
        raise Refusal(ErrorCode.NOT_ALLOWED, "A vote has exactly one voter.", field="patch")
    (voter,) = voters
    if len(voter) > limits.MAX_VOTER_CHARACTERS or bound not in (None, voter):
        raise Refusal(
            ErrorCode.NOT_ALLOWED, "This connection has voted as somebody else.", field="patch"
        )
    return voter


def _is_choice(value: JsonValue) -> bool:
    if isinstance(value, list):
        return len(value) <= limits.MAX_CHOICES and all(type(choice) is int for choice in value)
    return type(value) is int
