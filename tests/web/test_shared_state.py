"""Shared deck state: merged the same way whether patch by patch or all at once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from demo_server.protocol.errors import Refusal
from demo_server.protocol.frames import Role
from demo_server.web.shared_state import Patch, SharedState, combine, merge

KEYS = st.sampled_from("abc")
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
PATCHES = st.dictionaries(KEYS, VALUES, max_size=3)


def copy(patch: Patch) -> Patch:
    copied: Patch = json.loads(json.dumps(patch))
    return copied


@given(start=PATCHES, patches=st.lists(PATCHES, max_size=5))
def test_a_combined_patch_equals_its_parts_in_turn(start: Patch, patches: list[Patch]) -> None:
    one_by_one: Patch = {}
    merge(one_by_one, copy(start))
    at_once, waiting = copy(one_by_one), [copy({})]
    for patch in patches:
        merge(one_by_one, copy(patch))
        if not combine(waiting[-1], copy(patch)):
            waiting.append(copy(patch))
    for patch in waiting:
        merge(at_once, patch)
    assert at_once == one_by_one


def test_emptying_a_poll_and_a_vote_after_it_stay_two_patches() -> None:
    reset: Patch = {"batch": {"results": None}}
    assert not combine(reset, {"batch": {"results": {"me": 1}}})
    assert reset == {"batch": {"results": None}}
    votes: Patch = {"batch": {"results": {"me": 1}}}
    assert combine(votes, {"batch": {"results": {"you": 0}}})
    assert votes == {"batch": {"results": {"me": 1, "you": 0}}}


def test_null_removes_a_key() -> None:
    state: Patch = {"a": {"b": 1, "c": 2}}
    merge(state, {"a": {"b": None}})
    assert state == {"a": {"c": 2}}


VOTE: Patch = {"batch": {"results": {"me": 1}}}


def test_a_viewer_votes_and_is_bound_to_its_voter() -> None:
    channels = SharedState()
    assert channels.publish(Role.VIEWER, "poll", VOTE, None) == "me"
    with pytest.raises(Refusal, match="somebody else"):
        channels.publish(Role.VIEWER, "poll", {"batch": {"results": {"you": 1}}}, "me")
    channels.publish(Role.VIEWER, "poll", {"batch": {"results": {"me": [0, 2]}}}, "me")
    assert channels.state["poll"] == {"batch": {"results": {"me": [0, 2]}}}


def test_a_voter_belongs_to_one_browser_also_over_a_reload() -> None:
    channels = SharedState()
    channels.publish(Role.VIEWER, "poll", VOTE, None, "a phone")
    channels.publish(Role.VIEWER, "poll", {"batch": {"results": {"me": 0}}}, None, "a phone")
    for browser in ("another phone", None):
        with pytest.raises(Refusal, match="Somebody else"):
            channels.publish(Role.VIEWER, "poll", VOTE, None, browser)
    second: Patch = {"batch": {"results": {"second": 1}}}
    with pytest.raises(Refusal, match="as somebody else"):
        channels.publish(Role.VIEWER, "poll", second, None, "a phone")
    assert channels.state["poll"] == {"batch": {"results": {"me": 0}}}


def test_a_channel_has_a_maximum_size() -> None:
    channels = SharedState()
    for number in range(20):
        channels.publish(Role.PRESENTER, "drawings", {str(number): "x" * 50_000}, None)
    with pytest.raises(Refusal, match="would hold more"):
        channels.publish(Role.PRESENTER, "drawings", {"more": "x" * 50_000}, None)
    assert "more" not in channels.state["drawings"]


def test_the_number_of_channels_is_bounded() -> None:
    channels = SharedState()
    for number in range(32):
        channels.publish(Role.PRESENTER, f"c{number}", {"a": 1}, None)
    with pytest.raises(Refusal, match="channels already"):
        channels.publish(Role.PRESENTER, "one more", {"a": 1}, None)


def test_a_patch_that_is_nested_too_deep_is_refused() -> None:
    patch: Patch = {}
    for _ in range(50):
        patch = {"deeper": patch}
    with pytest.raises(Refusal, match="levels deep"):
        SharedState().publish(Role.PRESENTER, "nav", patch, None)
