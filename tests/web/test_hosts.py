"""Loopback names: all of them lead a browser to the one that `npm start` pairs."""

from __future__ import annotations

import httpx
import pytest

from tests.support.client import TOKEN, Serve, Served

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def get(served: Served, path: str, host: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=served.url) as client:
        named = {"Host": f"{host}:{served.port}", **headers}
        return await client.get(path, headers=named)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize("path", ["/", "/presenter/7?clicks=2", "/api/devices", "//elsewhere/7"])
async def test_a_page_of_another_loopback_name_is_redirected_with_its_path(
    serve: Serve, host: str, path: str
) -> None:
    served = await serve()
    async with httpx.AsyncClient() as client:
        url = f"{served.url}{path}"
        headers = {**BROWSER, "Host": f"{host}:{served.port}"}
        answer = await client.get(url, headers=headers)
    assert answer.status_code == 307
    assert answer.headers["location"] == f"http://localhost:{served.port}{path}"


async def test_a_pairing_address_pairs_localhost_by_whatever_loopback_name_it_is_opened(
    serve: Serve,
) -> None:
    served = await serve()
    code = served.server.credentials.new_code()
    answer = await get(served, f"/pair?code={code}", "127.0.0.1", **BROWSER)
    assert answer.headers["location"] == f"http://localhost:{served.port}/pair?code={code}"
    assert "set-cookie" not in answer.headers
    paired = await get(served, f"/pair?code={code}", "localhost", **BROWSER)
    assert (paired.status_code, paired.headers["location"]) == (303, "/")
    cookie = paired.headers["set-cookie"].partition(";")[0]
    devices = await get(served, "/api/devices", "localhost", Cookie=cookie)
    assert [device["current"] for device in devices.json()] == [True]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
async def test_programs_reach_the_api_by_each_loopback_name(serve: Serve, host: str) -> None:
    served = await serve()
    presenter = {"Authorization": f"Bearer {TOKEN}"}
    assert (await get(served, "/api/devices", host, **presenter)).status_code == 200
    assert (await get(served, "/api/health", host)).status_code == 200


async def test_the_audience_and_forwarded_browsers_are_never_redirected(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo_server.web.share_url.lan_addresses", lambda: ["192.0.2.7"])
    served = await serve(share=True)
    for host, headers in [
        ("localhost", {}),
        ("192.0.2.7", {}),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}),
    ]:
        answer = await get(served, "/7", host, **BROWSER, **headers)
        assert "location" not in answer.headers


async def test_an_unknown_name_is_refused_and_not_redirected(serve: Serve) -> None:
    served = await serve()
    answer = await get(served, "/", "evil.example", **BROWSER)
    assert (answer.status_code, answer.headers.get("location")) == (421, None)
