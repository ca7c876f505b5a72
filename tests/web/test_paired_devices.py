"""The presenter's devices: paired by a code, listed, and refused for good once revoked."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from demo_server.protocol.frames import CloseCode
from demo_server.system.addresses import PublicUrl
from demo_server.web import limits
from demo_server.web.paired_devices import PairedDevices, device_name
from tests.support.bounds import HANG_S
from tests.support.client import TOKEN, Serve, Served

PRESENTER = {"Authorization": f"Bearer {TOKEN}"}
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19.0 Mobile/15E148 Safari/604.1"


async def ask(served: Served, method: str, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=served.url) as client:
        return await client.request(method, path, headers=headers or PRESENTER)


async def pair_phone(served: Served) -> str:
    """Do what a phone does that reads the code off the screen; return its cookie."""
    shown = (await ask(served, "POST", "/api/devices/codes")).json()
    path = shown["url"].removeprefix("https://talk.example.org")
    answer = await ask(served, "GET", path, **{"User-Agent": PHONE})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/presenter/"
    return str(answer.headers["set-cookie"]).partition(";")[0]


async def list_devices(served: Served) -> list[dict[str, Any]]:
    devices: list[dict[str, Any]] = (await ask(served, "GET", "/api/devices")).json()
    return devices


def socket(served: Served, cookie: str) -> websockets.connect:
    url = f"ws://127.0.0.1:{served.port}/ws"
    return websockets.connect(url, additional_headers={"Cookie": cookie})


@pytest.fixture
async def shared(serve: Serve) -> Served:
    return await serve(public_url=PublicUrl.parse("https://talk.example.org"))


async def test_a_phone_is_paired_by_a_code_of_its_own_and_turns_the_pages(shared: Served) -> None:
    cookie = await pair_phone(shared)
    (device,) = await list_devices(shared)
    assert (device["name"], device["connected"]) == ("Safari on iPhone", False)
    async with socket(shared, cookie) as phone, shared.peer(token=None) as viewer:
        await phone.send('{"type":"hello"}')
        assert '"role":"presenter"' in str(await phone.recv())
        assert (await list_devices(shared))[0]["connected"]
        await phone.send('{"type":"publish","channel":"deck","patch":{"page":3}}')
        assert (await viewer.frame("state"))["patch"] == {"page": 3}


async def test_a_phone_that_is_paired_during_the_talk_opens_at_its_current_slide(
    shared: Served,
) -> None:
    async with shared.peer() as stage:
        await stage.send(type="publish", channel="deck", patch={"page": 7, "clicks": 2})
        await stage.frame("beat")
        code = shared.server.credentials.new_code()
        answer = await ask(shared, "GET", f"/pair?code={code}&view=presenter", a="b")
    assert answer.headers["location"] == "/presenter/7?clicks=2"


async def test_a_code_that_was_shown_pairs_one_phone(shared: Served) -> None:
    shown = (await ask(shared, "POST", "/api/devices/codes")).json()
    answers = [await ask(shared, "GET", f"/pair?code={shown['code']}", a="b") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 403]
    assert shown["seconds"] <= 120


async def test_a_revoked_device_is_closed_at_once_and_stays_revoked(
    shared: Served, serve: Serve
) -> None:
    cookie = await pair_phone(shared)
    (device,) = await list_devices(shared)
    async with socket(shared, cookie) as phone:
        await phone.send('{"type":"hello"}')
        assert '"role":"presenter"' in str(await phone.recv())
        answer = await ask(shared, "DELETE", f"/api/devices/{device['id']}")
        assert answer.status_code == 204
        async with asyncio.timeout(HANG_S):
            await phone.wait_closed()
        assert phone.close_code == CloseCode.NOT_ALLOWED
    assert await list_devices(shared) == []
    name, _, value = cookie.partition("=")
    restarted = await serve()
    for server in (shared, restarted):
        own = f"{name.rpartition('_')[0]}_{server.port}={value}"
        assert (await ask(server, "GET", "/api/devices", Cookie=own)).status_code == 403
        async with socket(server, own) as phone:
            await phone.send('{"type":"hello"}')
            assert '"role":"viewer"' in str(await phone.recv())


async def test_a_device_that_is_not_revoked_stays_paired_over_a_restart(
    shared: Served, serve: Serve
) -> None:
    cookie = await pair_phone(shared)
    name, _, value = cookie.partition("=")
    restarted = await serve()
    own = f"{name.rpartition('_')[0]}_{restarted.port}={value}"
    devices = (await ask(restarted, "GET", "/api/devices", Cookie=own)).json()
    assert [device["current"] for device in devices] == [True]


async def test_no_code_is_shown_for_a_server_that_no_phone_reaches(serve: Serve) -> None:
    served = await serve()
    answer = await ask(served, "POST", "/api/devices/codes")
    assert answer.status_code == 409
    assert "--share" in answer.json()["detail"]


async def test_revoking_an_unknown_device_is_not_found(serve: Serve) -> None:
    served = await serve()
    assert (await ask(served, "DELETE", "/api/devices/nobody")).status_code == 404


def test_a_damaged_list_pairs_no_device(tmp_path: Path) -> None:
    path = tmp_path / "devices.json"
    device = PairedDevices(path).add("a phone")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PairedDevices(path).is_paired(device.id)
    path.write_text("[{")
    assert not PairedDevices(path).is_paired(device.id)


def test_over_the_limit_the_oldest_device_is_unpaired() -> None:
    devices = PairedDevices()
    added = [devices.add(f"phone {number}") for number in range(limits.MAX_DEVICES + 1)]
    assert not devices.is_paired(added[0].id)
    assert [device.id for device in devices.paired()] == [device.id for device in added[1:]]


def test_a_device_is_paired_even_if_the_list_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    devices = PairedDevices(tmp_path / "gone" / "devices.json")
    assert devices.is_paired(devices.add("a phone").id)
    assert "until the server ends only" in caplog.text


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (PHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/150.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh) Gecko/20100101 Firefox/150.0", "Firefox on Mac"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36 Edg/150.0", "Edge on Windows"),
        ("curl/8", "a browser"),
        ("", "a browser"),
    ],
)
def test_a_device_is_named_by_its_browser_and_system(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name
