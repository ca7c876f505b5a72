"""The HTTP API and the deck behind it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from demo_server.system.settings import Settings
from demo_server.web.static_deck import deck_file
from tests.support.client import TOKEN, Serve, Served

PRESENTER = {"Authorization": f"Bearer {TOKEN}"}


async def get(served: Served, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=served.url) as client:
        return await client.get(path, headers=headers)


async def finished_run(served: Served) -> str:
    async with served.peer() as peer:
        run_id = await peer.start(does="plan progress:3 end")
        await peer.events(run_id, until="succeeded")
    return run_id


async def test_health_reports_status_and_epoch(serve: Serve) -> None:
    served = await serve()
    health = (await get(served, "/api/health")).json()
    assert health.keys() == {
        *("status", "reason", "share_url", "visited_at", "pid", "epoch", "version"),
    }
    assert health["epoch"] == served.server.hub.epoch


async def test_experiments_are_listed_with_their_schemas(serve: Serve) -> None:
    served = await serve()
    listed = (await get(served, "/api/experiments")).json()
    assert [experiment["name"] for experiment in listed] == ["embed", "show", "shutdown"]
    assert listed[0]["schema"]["properties"]["rows"]["maximum"] == 5000


async def test_a_run_is_listed_with_its_state_log_and_result(serve: Serve) -> None:
    served = await serve()
    run_id = await finished_run(served)
    listed = (await get(served, "/api/runs")).json()
    assert [(run["run_id"], run["status"]) for run in listed] == [(run_id, "succeeded")]
    state = (await get(served, f"/api/runs/{run_id}")).json()["state"]
    assert state["stages"][""]["progress"]["rows"] == 3
    log = await get(served, f"/api/runs/{run_id}/log", **PRESENTER)
    header, *events = [json.loads(line) for line in log.text.splitlines()]
    assert header["run_id"] == run_id
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    missing = await get(served, f"/api/runs/{run_id}/result.parquet", **PRESENTER)
    assert missing.status_code == 404
    (served.server.composition.runs.archive.result_path(run_id)).write_bytes(b"PAR1")
    result = await get(served, f"/api/runs/{run_id}/result.parquet", **PRESENTER)
    assert result.content == b"PAR1"


@pytest.mark.parametrize("run_id", ["nothing", "..%2f..%2fsession.key", "%00"])
@pytest.mark.parametrize("what", ["", "/log", "/result.parquet"])
async def test_an_unknown_run_is_not_found(serve: Serve, run_id: str, what: str) -> None:
    served = await serve()
    answer = await get(served, f"/api/runs/{run_id}{what}", **PRESENTER)
    assert answer.status_code == 404


async def test_the_protocol_and_the_api_describe_themselves(serve: Serve) -> None:
    served = await serve()
    protocol = (await get(served, "/api/protocol.json")).json()
    assert "Welcome" in protocol["schema"]["$defs"]
    assert protocol["constants"]["close_codes"]["TOO_SLOW"] == 4008
    openapi = (await get(served, "/openapi.json")).json()
    assert "/api/health" in openapi["paths"]


async def test_no_page_that_loads_from_elsewhere_is_served(serve: Serve) -> None:
    served = await serve()
    for path in ("/docs", "/redoc"):
        assert "cdn" not in (await get(served, path)).text


@pytest.fixture
def dist(settings: Settings) -> Path:
    (settings.dist / "assets").mkdir(parents=True)
    (settings.dist / "index.html").write_text("<title>the deck</title>")
    (settings.dist / "assets" / "a-1b2c.js").write_text("1")
    (settings.dist / "recordings").mkdir()
    (settings.dist / "recordings" / "embed.jsonl.gz").write_text("recorded")
    (settings.dist.parent / "secret.txt").write_text("of the speaker")
    (settings.dist / "recordings" / "link.jsonl").symlink_to(settings.dist.parent / "secret.txt")
    return settings.dist


async def test_the_deck_is_served_and_its_slides_fall_back_to_the_page(
    serve: Serve, dist: Path
) -> None:
    served = await serve()
    for path in ("/", "/7", "/presenter/7", "/index.html"):
        answer = await get(served, path)
        assert "the deck" in answer.text
        assert answer.headers["cache-control"] == "no-cache"
    asset = await get(served, "/assets/a-1b2c.js")
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["content-type"].startswith("text/javascript")


async def test_each_browser_gets_an_id_in_a_cookie(serve: Serve, dist: Path) -> None:
    served = await serve()
    first, second = (await get(served, "/"), await get(served, "/"))
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert cookie != second.headers["set-cookie"]
    again = await get(served, "/7", Cookie=cookie.partition(";")[0])
    assert "set-cookie" not in again.headers
    assert "set-cookie" not in (await get(served, "/assets/a-1b2c.js")).headers


@pytest.mark.parametrize("path", ["/assets/gone.js", "/api/nothing", "/api", "/favicon.png"])
async def test_an_unknown_path_is_not_found(serve: Serve, dist: Path, path: str) -> None:
    served = await serve()
    assert (await get(served, path)).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "assets/../../secret.txt",
        "recordings/../../secret.txt",
        "recordings/link.jsonl",
        "/etc/passwd",
        "\0",
    ],
)
def test_nothing_outside_the_deck_is_served(dist: Path, path: str) -> None:
    assert deck_file(dist, path).status_code == 404


ESCAPES = [
    "../secret.txt",
    "..%2fsecret.txt",
    "%2e%2e/secret.txt",
    "..%5csecret.txt",
    "....//secret.txt",
    "%252e%252e%252fsecret.txt",
    "../cache/session.key",
]


@pytest.mark.parametrize("below", ["", "assets/", "recordings/", "api/runs/"])
@pytest.mark.parametrize("escape", ESCAPES)
async def test_path_traversal_is_rejected(
    serve: Serve, dist: Path, below: str, escape: str
) -> None:
    served = await serve()
    key = (served.server.settings.cache / "session.key").read_bytes()
    path = f"/{below}{'../' if below else ''}{escape}"
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    # Written out by hand: a client would tidy the path up.
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n".encode())
    writer.write(b"Connection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert b"of the speaker" not in answer
    assert key not in answer


async def test_a_recording_is_served(serve: Serve, dist: Path) -> None:
    served = await serve()
    assert (await get(served, "/recordings/embed.jsonl.gz")).text == "recorded"


async def test_a_missing_deck_shows_how_to_build_it(serve: Serve) -> None:
    served = await serve()
    answer = await get(served, "/")
    assert answer.status_code == 503
    assert "npm start" in answer.text
