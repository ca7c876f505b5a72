"""Who may do what, on every route and socket."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import httpx
import pytest
import websockets
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route, WebSocketRoute

from demo_server.protocol.frames import CloseCode, Role
from demo_server.web.auth import Credentials, session_key
from demo_server.web.dependencies import ROLES, anyone
from demo_server.web.hosts import HostRule
from demo_server.web.paired_devices import PairedDevices
from demo_server.web.rate_limit import Attempts
from demo_server.web.routes import ROUTERS
from tests.support.client import TOKEN, Serve, Served


async def get(
    served: Served, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> httpx.Response:
    async with httpx.AsyncClient(base_url=served.url) as client:
        return await client.request(method, path, headers=headers)


ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def roles_of(route: APIRoute) -> list[object]:
    return [d.dependency for d in route.dependencies if d.dependency in ROLES]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.methods} {route.path}")
def test_every_route_declares_one_role(route: APIRoute) -> None:
    assert len(roles_of(route)) == 1


async def test_no_route_is_served_besides_the_declared_ones_and_the_websocket(
    serve: Serve,
) -> None:
    served = await serve()
    own = [route for route in served.server.app.routes if isinstance(route, BaseRoute)]
    assert [route.path for route in own if isinstance(route, Route | WebSocketRoute)] == ["/ws"]
    assert len(own) == 1 + len(ROUTERS)


async def test_a_route_that_declares_no_role_is_refused(serve: Serve) -> None:
    served = await serve()
    served.server.app.router.routes.pop()  # the deck has every path

    @served.server.app.get("/api/forgotten")
    async def forgotten() -> str:
        return "secret"

    presenter = {"Authorization": f"Bearer {TOKEN}"}
    answer = await get(served, "/api/forgotten", presenter)
    assert answer.status_code == 403
    assert "declares no role" in answer.text


CLOSED = [
    (method, re.sub(r"\{\w+\}", "x", route.path))
    for route in ROUTES
    for method in sorted(route.methods)
    if roles_of(route) != [anyone]
]


def test_logs_results_checks_devices_and_codes_are_closed() -> None:
    assert set(CLOSED) == {
        ("GET", "/api/runs/x/log"),
        ("GET", "/api/runs/x/result.parquet"),
        ("GET", "/api/check"),
        ("GET", "/api/devices"),
        ("POST", "/api/devices/codes"),
        ("DELETE", "/api/devices/x"),
        ("POST", "/api/pairing-codes"),
    }


@pytest.mark.parametrize(("method", "path"), CLOSED)
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer", "Basic x", TOKEN])
async def test_a_closed_route_is_refused_without_credentials(
    serve: Serve, method: str, path: str, authorization: str | None
) -> None:
    served = await serve()
    headers = {"Authorization": authorization} if authorization else None
    assert (await get(served, path, headers, method)).status_code == 403


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
async def test_a_websocket_of_another_origin_is_refused(serve: Serve, origin: str) -> None:
    served = await serve()
    url = f"ws://127.0.0.1:{served.port}/ws"
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(url, origin=websockets.Origin(origin))
    own = await websockets.connect(url, origin=websockets.Origin(served.url))
    await own.close()


async def test_a_page_of_another_origin_gets_no_websocket_even_with_the_cookie(
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
async def test_dns_rebinding_is_rejected(serve: Serve, share: bool) -> None:
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


async def test_every_answer_has_the_security_headers(serve: Serve) -> None:
    served = await serve()
    for path in ("/", "/api/health", "/nothing.js", "/pair"):
        headers = (await get(served, path)).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]


async def test_the_local_secret_is_refused_from_another_machine(serve: Serve) -> None:
    served = await serve()
    secret = {"Authorization": "Bearer local-secret"}
    assert (await get(served, "/api/pairing-codes", secret, "POST")).status_code == 200
    secret["X-Forwarded-For"] = "203.0.113.9"
    assert (await get(served, "/api/pairing-codes", secret, "POST")).status_code == 403


async def test_a_pairing_code_pairs_one_browser_as_presenter(serve: Serve) -> None:
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
async def test_a_guessed_pairing_code_pairs_no_device(serve: Serve, code: str) -> None:
    served = await serve()
    served.server.credentials.new_code()
    answer = await get(served, f"/pair?code={code}")
    assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None)


def stop_clock_of_attempts(served: Served) -> None:
    """No attempt comes back with time, however slow the machine is."""
    served.server.app.state.parts.attempts = Attempts(clock=lambda: 0.0)


async def test_guessing_codes_is_rate_limited_and_keeps_no_valid_code_out(serve: Serve) -> None:
    served = await serve()
    stop_clock_of_attempts(served)
    code = served.server.credentials.new_code()
    answers = [(await get(served, f"/pair?code=guess{n}")).status_code for n in range(12)]
    assert answers == [403] * 10 + [429] * 2
    assert (await get(served, f"/pair?code={code}")).status_code == 303
    assert (await get(served, f"/pair?code={code}")).status_code == 429


async def test_guessing_tokens_is_rate_limited(serve: Serve) -> None:
    served = await serve()
    stop_clock_of_attempts(served)
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


def test_a_pairing_code_expires_after_ten_minutes() -> None:
    clock = Clock()
    credentials = Credentials("token", "secret", b"k" * 32, clock)
    code = credentials.new_code()
    clock.now += 601
    assert credentials.redeem(code) is None
    assert credentials.redeem("") is None


def test_a_session_survives_a_restart_and_expires_after_a_day(tmp_path: Path) -> None:
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
def test_a_changed_cookie_is_rejected(change: object) -> None:
    credentials = Credentials("token", "secret", b"k" * 32)
    cookie = credentials.redeem(credentials.new_code())
    assert cookie is not None
    assert callable(change)
    assert credentials.role(None, change(cookie)) is Role.VIEWER


def test_a_token_that_is_not_ascii_is_rejected() -> None:
    credentials = Credentials("token", "secret", b"k" * 32)
    assert credentials.role("tökén", None) is Role.VIEWER


def test_more_hosts_and_origins_can_be_allowed() -> None:
    rule = HostRule(8000, ("deck.local",), ("http://localhost:3030",))
    assert rule.refusal("deck.local:8000", None) is None
    assert rule.refusal("localhost:8000", "http://localhost:3030") is None
    assert rule.refusal("deck.local:8000", "http://deck.local:8000") is None
    assert rule.refusal("deck.local", None) is not None
    assert rule.refusal(None, None) is not None


def test_a_browser_leaves_out_port_80() -> None:
    assert HostRule(80).refusal("localhost", "http://localhost") is None


def test_the_session_key_is_kept_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "session.key"
    key = session_key(path)
    assert session_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"damaged")
    assert len(session_key(path)) == 32
