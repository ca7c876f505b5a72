"""Who may do what, on every route and socket."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import httpx
import pytest
import websockets
from starlette.routing import BaseRoute

from demo_server.protocol.frames import CloseCode, Role
from demo_server.web.auth import RULES, Credentials, HostRule, Need, session_key
from demo_server.web.paired_devices import PairedDevices
from tests.support.client import TOKEN, Serve, Served


async def get(
    served: Served, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> httpx.Response:
    async with httpx.AsyncClient(base_url=served.url) as client:
        return await client.request(method, path, headers=headers)


def paths(routes: list[BaseRoute]) -> set[str]:
    return {getattr(route, "path", repr(route)) for route in routes}


async def test_every_route_has_a_rule_and_every_rule_a_route(serve: Serve) -> None:
    served = await serve()
    assert paths(served.server.app.routes) == set(RULES)


async def test_a_route_without_a_rule_is_closed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(RULES, "/api/runs")
    served = await serve()
    assert (await get(served, "/api/runs")).status_code == 403


def methods_of(served: Served, path: str) -> set[str]:
    routes = [route for route in served.server.app.routes if getattr(route, "path", "") == path]
    return {method for route in routes for method in getattr(route, "methods", ())}


CLOSED = [path for path, need in RULES.items() if need is not Need.NOTHING]


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer", "Basic x", TOKEN])
async def test_what_is_the_presenters_is_refused_to_others(
    serve: Serve, path: str, authorization: str | None
) -> None:
    served = await serve()
    headers = {"Authorization": authorization} if authorization else None
    for method in methods_of(served, path):
        answer = await get(served, re.sub(r"\{\w+\}", "x", path), headers, method)
        assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/api/health", "/api/runs", "/", "/pair", "/openapi.json"])
@pytest.mark.parametrize("host", ["evil.example", "localhost:1", "127.0.0.1", "localhost.evil:80"])
async def test_a_request_to_another_name_is_refused(serve: Serve, path: str, host: str) -> None:
    served = await serve()
    assert (await get(served, path, {"Host": host})).status_code == 421


async def test_pages_of_another_origin_are_refused(serve: Serve) -> None:
    served = await serve()
    assert (await get(served, "/api/runs", {"Origin": "http://evil.example"})).status_code == 421
    own = {"Origin": served.url}
    assert (await get(served, "/api/runs", own)).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
async def test_a_socket_of_another_origin_is_refused(serve: Serve, origin: str) -> None:
    served = await serve()
    url = f"ws://127.0.0.1:{served.port}/ws"
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(url, origin=websockets.Origin(origin))
    own = await websockets.connect(url, origin=websockets.Origin(served.url))
    await own.close()


async def test_a_page_of_another_origin_gets_no_socket_though_the_browser_sends_the_cookie(
    serve: Serve,
) -> None:
    served = await serve()
    url = f"ws://127.0.0.1:{served.port}/ws"
    sent = {"Cookie": await paired(served)}
    evil = websockets.Origin("http://evil.example")
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(url, origin=evil, additional_headers=sent)
    own = websockets.Origin(served.url)
    async with websockets.connect(url, origin=own, additional_headers=sent) as browser:
        assert await role_in(browser) == "presenter"


@pytest.mark.parametrize("share", [False, True])
async def test_a_name_that_was_bent_to_this_machine_reaches_nothing(
    serve: Serve, share: bool
) -> None:
    served = await serve(share=share)
    evil = f"evil.example:{served.port}"
    headers = {"Host": evil, "Origin": f"http://{evil}", "Cookie": await paired(served)}
    for path in ("/", "/api/runs", "/api/devices", "/pair?code=x"):
        assert (await get(served, path, headers)).status_code == 421
    headers |= {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
    assert (await get(served, "/ws", headers)).status_code == 403


async def paired(served: Served) -> str:
    """Pair a browser and return its cookie."""
    code = served.server.credentials.new_code()
    answer = await get(served, f"/pair?code={code}")
    return answer.headers["set-cookie"].partition(";")[0]


async def role_in(socket: websockets.ClientConnection) -> str:
    await socket.send('{"type":"hello"}')
    return str(json.loads(await socket.recv())["role"])


async def test_every_answer_keeps_the_referrer_and_the_type(serve: Serve) -> None:
    served = await serve()
    for path in ("/", "/api/health", "/nothing.js", "/pair"):
        headers = (await get(served, path)).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]


async def test_the_local_secret_is_worth_nothing_from_elsewhere(serve: Serve) -> None:
    served = await serve()
    secret = {"Authorization": "Bearer local-secret"}
    assert (await get(served, "/api/pairing-codes", secret, "POST")).status_code == 200
    secret["X-Forwarded-For"] = "203.0.113.9"
    assert (await get(served, "/api/pairing-codes", secret, "POST")).status_code == 403


async def test_a_pairing_code_makes_one_browser_the_presenters(serve: Serve) -> None:
    served = await serve()
    secret = {"Authorization": "Bearer local-secret"}
    minted = await get(served, "/api/pairing-codes", secret, "POST")
    code = minted.json()["code"]
    paired = await get(served, f"/pair?code={code}")
    assert paired.status_code == 303
    assert paired.headers["location"] == "/"
    cookie = paired.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    url = f"ws://127.0.0.1:{served.port}/ws"
    sent = {"Cookie": cookie.partition(";")[0]}
    async with websockets.connect(url, additional_headers=sent) as browser:
        await browser.send('{"type":"hello"}')
        assert '"role":"presenter"' in str(await browser.recv())
    again = await get(served, f"/pair?code={code}")
    assert again.status_code == 403
    assert "npm start" in again.text


@pytest.mark.parametrize("code", ["", "guess", "x" * 5000, "%00", "tökén"])
async def test_a_guessed_pairing_code_pairs_nobody(serve: Serve, code: str) -> None:
    served = await serve()
    served.server.credentials.new_code()
    answer = await get(served, f"/pair?code={code}")
    assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None)


async def test_who_guesses_codes_has_to_wait_and_a_right_one_is_not_lost(serve: Serve) -> None:
    served = await serve()
    code = served.server.credentials.new_code()
    answers = [(await get(served, f"/pair?code=guess{n}")).status_code for n in range(12)]
    assert answers == [403] * 10 + [429] * 2
    assert (await get(served, f"/pair?code={code}")).status_code == 429
    elsewhere = await get(served, f"/pair?code={code}", {"X-Forwarded-For": "203.0.113.9"})
    assert elsewhere.status_code == 303


async def test_who_guesses_tokens_has_to_wait(serve: Serve) -> None:
    served = await serve()
    wrong = {"Authorization": "Bearer wrong-token"}
    answers = [(await get(served, "/api/devices", wrong)).status_code for _ in range(11)]
    assert answers == [403] * 10 + [429]
    async with websockets.connect(f"ws://127.0.0.1:{served.port}/ws") as browser:
        await browser.send('{"type":"hello","token":"another guess"}')
        with pytest.raises(websockets.ConnectionClosed):
            await browser.recv()
        assert browser.close_code == CloseCode.FRAME_FLOOD
    async with served.peer(token=None) as viewer:
        assert viewer.seen[0]["role"] == "viewer"


async def test_the_token_is_in_no_file_and_no_answer(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    served = await serve()
    async with served.peer() as peer:
        run_id = await peer.start(does="plan progress:3 end")
        await peer.events(run_id, until="succeeded")
        assert TOKEN not in json.dumps(peer.seen)
    presenter = {"Authorization": f"Bearer {TOKEN}"}
    for path in ("/api/devices", f"/api/runs/{run_id}", f"/api/runs/{run_id}/log"):
        assert TOKEN not in (await get(served, path, presenter)).text
    files = [path for path in served.server.settings.cache.rglob("*") if path.is_file()]
    assert any(run_id in str(path) for path in files)
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
    assert TOKEN not in "".join(r.getMessage() for r in caplog.records if "server" in r.name)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_pairing_code_is_good_for_ten_minutes() -> None:
    clock = Clock()
    credentials = Credentials("token", "secret", b"k" * 32, clock)
    code = credentials.new_code()
    clock.now += 601
    assert credentials.redeem(code) is None
    assert credentials.redeem("") is None


def test_a_session_outlives_a_restart_but_not_a_day(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "devices.json"
    credentials = Credentials("token", "secret", b"k" * 32, clock, PairedDevices(path, clock))
    cookie = credentials.redeem(credentials.new_code())
    devices = PairedDevices(path, clock)
    restarted = Credentials("another token", "another secret", b"k" * 32, clock, devices)
    assert restarted.role(None, cookie) is Role.PRESENTER
    clock.now += 24 * 3600 + 1
    assert restarted.role(None, cookie) is Role.VIEWER


@pytest.mark.parametrize("change", [lambda c: c + "0", lambda c: "9" + c, lambda c: "", str.upper])
def test_a_changed_cookie_is_worth_nothing(change: object) -> None:
    credentials = Credentials("token", "secret", b"k" * 32)
    cookie = credentials.redeem(credentials.new_code())
    assert cookie is not None
    assert callable(change)
    assert credentials.role(None, change(cookie)) is Role.VIEWER


def test_a_token_that_is_not_ascii_is_just_wrong() -> None:
    credentials = Credentials("token", "secret", b"k" * 32)
    assert credentials.role("tökén", None) is Role.VIEWER


def test_more_hosts_and_origins_can_be_allowed() -> None:
    rule = HostRule(8000, ("deck.local",), ("http://localhost:3030",))
    assert rule.refuses("deck.local:8000", None) is None
    assert rule.refuses("localhost:8000", "http://localhost:3030") is None
    assert rule.refuses("deck.local:8000", "http://deck.local:8000") is None
    assert rule.refuses("deck.local", None) is not None
    assert rule.refuses(None, None) is not None


def test_a_browser_leaves_out_port_80() -> None:
    assert HostRule(80).refuses("localhost", "http://localhost") is None


def test_the_session_key_is_kept_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "session.key"
    key = session_key(path)
    assert session_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"damaged")
    assert len(session_key(path)) == 32
