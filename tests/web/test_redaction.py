"""Messages that the audience may read: no directory of this machine in them."""

from __future__ import annotations

import json

import httpx
import pytest

from demo_server.protocol.frames import ServerStatus
from demo_server.web.redaction import without_directories
from tests.support.client import Serve


@pytest.mark.parametrize(
    ("message", "public"),
    [
        ("/home/anna/talk/data.csv has no column 'x'.", "…/data.csv has no column 'x'."),
        ("There is no '/home/anna/my talk/data.csv'.", "There is no '…/data.csv'."),
        ("Ray did not start: /tmp: No space left.", "Ray did not start: …/tmp: No space left."),
        ("--dataset=~/talks/data is empty.", "--dataset=…/data is empty."),
        ('File "/usr/lib/python3/a.py", line 3', 'File "…/a.py", line 3'),
        (
            "3 of 4 CPUs and/or https://example.org/a/b",
            "3 of 4 CPUs and/or https://example.org/a/b",
        ),
        (
            "cardiffnlp/tweet_eval is not in the cache.",
            "cardiffnlp/tweet_eval is not in the cache.",
        ),
    ],
)
def test_a_path_is_reduced_to_its_last_part(message: str, public: str) -> None:
    assert without_directories(message) == public


async def test_only_the_presenter_learns_of_a_path_in_the_servers_reason(serve: Serve) -> None:
    served = await serve()
    reason = "/home/anna/talk/data.csv cannot be read."
    async with served.peer() as presenter, served.peer(token=None) as viewer:
        served.server.hub.announce(ServerStatus.DEGRADED, reason, [])
        assert (await presenter.until(lambda f: f.get("reason") == reason))["type"] == "server"
        told = await viewer.until(lambda f: f.get("status") == "degraded")
        assert told["reason"] == "…/data.csv cannot be read."
        async with served.peer(token=None) as late:
            assert "/home/anna" not in json.dumps(late.seen)
        async with httpx.AsyncClient() as client:
            assert "/home/anna" not in (await client.get(f"{served.url}/api/health")).text
