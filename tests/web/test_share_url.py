"""Letting the audience in: which addresses, and what it is told."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from demo_server.system import addresses
from demo_server.system.addresses import PublicUrl, lan_addresses
from demo_server.web import share_url
from demo_server.web.hosts import HostRule
from demo_server.web.share_url import Sharing
from tests.support.client import Serve


class Network:
    """A machine's addresses, which change when it joins another network."""

    def __init__(self, *addresses: str) -> None:
        self.addresses, self.now = list(addresses), 0.0

    def share(self, port: int = 8000, public_url: str | None = None) -> Sharing:
        url = PublicUrl.parse(public_url) if public_url else None
        return Sharing(port, True, url, lambda: self.addresses, lambda: self.now)


def test_the_first_address_is_shown_and_all_are_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses.socket, "gethostname", lambda: "Speaker.lan")
    shared = Network("192.168.1.5", "10.0.0.2").share()
    assert shared.url == "http://192.168.1.5:8000"
    assert shared.hosts == {"192.168.1.5:8000", "10.0.0.2:8000", "speaker.local:8000"}
    rule = HostRule(8000, sharing=shared)
    assert rule.refusal("Speaker.local:8000", "http://speaker.local:8000") is None
    assert rule.refusal("192.168.1.6:8000", None) is not None
    assert rule.refusal("10.0.0.2:8000", "http://evil.example") is not None


def test_a_change_of_network_during_the_talk_is_detected() -> None:
    network = Network()
    shared = network.share()
    rule = HostRule(8000, sharing=shared)
    assert shared.url is None
    network.addresses, network.now = ["172.20.10.3"], 3.0
    assert rule.refusal("172.20.10.3:8000", None) is None
    assert shared.url == "http://172.20.10.3:8000"


def test_nothing_is_shared_by_default() -> None:
    closed = Sharing(8000)
    assert (closed.url, closed.hosts) == (None, frozenset())


def test_a_public_address_is_shown_and_its_pages_may_come_from_there() -> None:
    shared = Network("192.168.1.5").share(public_url="https://Talk.example.org/")
    assert shared.url == "https://talk.example.org"
    rule = HostRule(8000, sharing=shared)
    assert rule.refusal("talk.example.org", "https://talk.example.org") is None
    assert rule.refusal("192.168.1.5:8000", "http://192.168.1.5:8000") is None
    assert rule.refusal("talk.example.org", "http://talk.example.org") is not None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://talk.example.org:443", "https://talk.example.org"),
        ("http://10.42.0.1:8000/", "http://10.42.0.1:8000"),
        ("http://[fd00::1]:8000", "http://[fd00::1]:8000"),
    ],
)
def test_a_public_address_is_normalized(text: str, shown: str) -> None:
    assert str(PublicUrl.parse(text)) == shown


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("talk.example.org", "not the address of a web page"),
        ("ftp://talk.example.org", "not the address of a web page"),
        ("https://", "not the address of a web page"),
        ("https://talk.example.org/deck", "must end after the host"),
        ("https://talk.example.org?a=1", "must end after the host"),
        ("https://me:secret@talk.example.org", "user name or a password"),
        ("https://talk.example.org:99999", "not a valid address"),
        ("https://talk example.org", "no usable host name"),
    ],
)
def test_a_public_address_that_cannot_be_used_is_refused_with_its_reason(
    text: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        PublicUrl.parse(text)


def test_loopback_is_not_among_the_addresses() -> None:
    assert not [address for address in lan_addresses() if address.startswith("127.")]


async def test_every_client_receives_the_audiences_address(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = ["192.168.1.5"]
    monkeypatch.setattr(share_url, "lan_addresses", lambda: addresses)
    served = await serve(share=True)
    shown = f"http://192.168.1.5:{served.port}"
    async with served.peer(token=None) as viewer:
        assert viewer.seen[0]["share_url"] == shown
        host = {"Host": f"192.168.1.5:{served.port}"}
        health = await asyncio.to_thread(httpx.get, f"{served.url}/api/health", headers=host)
        monkeypatch.setattr(share_url, "REFRESH_INTERVAL_S", 0)
        addresses[0] = "10.0.0.9"
        await viewer.until(lambda frame: "10.0.0.9" in (frame.get("share_url") or ""))
    assert health.json()["share_url"] == shown
    assert "cross-origin-opener-policy" not in health.headers
