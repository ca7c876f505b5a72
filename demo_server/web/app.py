"""The HTTP API, the websocket and the deck, on one port.

Every request passes the host rule; every route has its line in `access.RULES`.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.requests import HTTPConnection
from fastapi.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
)
from pydantic import BaseModel, JsonValue
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send

from demo_server import __version__
from demo_server.protocol.findings import Finding, Findings
from demo_server.protocol.frames import ExperimentInfo, Role, RunInfo, ServerStatus
from demo_server.runs.log import BrokenLogError
from demo_server.system.addresses import is_loopback
from demo_server.web import api_schema
from demo_server.web.auth import (
    COOKIE_SECONDS,
    RULES,
    SHOWN_CODE_SECONDS,
    Credentials,
    HostRule,
    Need,
)
from demo_server.web.client_connection import ClientConnection, Handshake, Starter
from demo_server.web.connection_slots import ConnectionSlots
from demo_server.web.hub import Hub
from demo_server.web.middleware import HostCheck
from demo_server.web.paired_devices import device_name
from demo_server.web.rate_limit import Attempts
from demo_server.web.static_deck import deck_file

# Characters of the name that tells browsers apart, so that each has one vote.
BROWSER_ID = 32
TOO_MANY_ATTEMPTS = "Too many wrong tokens or codes from your address: wait a minute."


class Health(BaseModel):
    status: ServerStatus
    reason: str | None
    share_url: str | None
    visited_at: float | None
    pid: int
    epoch: str
    version: str


class RunDetail(BaseModel):
    run: RunInfo
    state: dict[str, JsonValue]


class PairingCode(BaseModel):
    code: str


class ShownCode(PairingCode):
    seconds: float
    url: str


class DeviceInfo(BaseModel):
    id: str
    name: str
    paired_at: float
    connected: bool
    current: bool
    """The one that asks."""


def _address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""


def is_visit(share_url: str, websocket: HTTPConnection) -> bool:
    """Tell whether the page was loaded by the audience's address, and from elsewhere."""
    shared = urlsplit(share_url)
    return websocket.headers.get("host") == shared.netloc and _address(websocket) != shared.hostname


def create_app(
    hub: Hub,
    starter: Starter,
    credentials: Credentials,
    host_rule: HostRule,
    dist: Path,
    look: Callable[[], AsyncIterator[Finding]],
) -> FastAPI:
    """Build the app; what it serves lives in `room`, what it starts goes to `starter`.

    `look` goes over everything that a talk stands on.
    """
    # Cookies know no ports: two servers on one machine must not take each other's.
    cookie_name = f"demo_session_{host_rule.port}"
    browser_cookie = f"demo_browser_{host_rule.port}"

    attempts, connections, looking = Attempts(), ConnectionSlots(), asyncio.Lock()

    def cookie_of(connection: HTTPConnection) -> str | None:
        return connection.cookies.get(cookie_name)

    def role_of(connection: HTTPConnection, token: str | None) -> Role | None:
        """Return the role of who calls; None where its address has tried too often."""
        if token is not None and attempts.exhausted(_address(connection)):
            return None
        role = credentials.role(token, cookie_of(connection))
        if token is not None and role is not Role.PRESENTER:
            attempts.failed(_address(connection))
        return role

    def check(connection: HTTPConnection) -> None:
        """Ask the one table what this route needs; a route without a rule is closed."""
        need = RULES.get(connection.scope["route"].path)
        authorization = connection.headers.get("authorization", "")
        token = authorization[7:] if authorization.startswith("Bearer ") else None
        is_command = need is Need.LOCAL_SECRET and is_loopback(_address(connection))
        if need is Need.NOTHING or (is_command and credentials.is_local_secret(token)):
            return
        role = role_of(connection, token)
        if role is None:
            raise HTTPException(429, TOO_MANY_ATTEMPTS)
        if need is not Need.PRESENTER or role is not Role.PRESENTER:
            raise HTTPException(
                403,
                "Only the presenter gets this: send `Authorization: Bearer TOKEN`, or pair "
                "this browser.",
            )

    app = FastAPI(
        title="demo-server",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(check)],
    )
    app.add_middleware(HostCheck, rule=host_rule)

    async def socket(scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        session = ClientConnection(websocket, hub, starter, connections)
        device = credentials.device(cookie_of(websocket))
        browser = websocket.cookies.get(browser_cookie, "")[:BROWSER_ID] or None
        if hub.share_url and is_visit(hub.share_url, websocket):
            hub.visited_at = time.time()
        await session.run(
            Handshake(_address(websocket), device, browser, lambda token: role_of(websocket, token))
        )

    # FastAPI's routes hold frames and exit stacks of dependencies as long as a client stays, and
    # Starlette's those of exception handlers: some 8 kB for what this one has none of.
    route = WebSocketRoute("/ws", socket)
    route.app = socket
    app.router.routes.append(route)

    @app.get("/api/health")
    async def health() -> Health:
        return Health(
            status=hub.status,
            reason=hub.reason,
            share_url=hub.share_url,
            visited_at=hub.visited_at,
            pid=os.getpid(),
            epoch=hub.epoch,
            version=__version__,
        )

    @app.get("/api/experiments", response_model_by_alias=True)
    async def experiments() -> list[ExperimentInfo]:
        return hub.experiments

    @app.get("/api/runs")
    async def runs() -> list[RunInfo]:
        return hub.runs.list()

    @app.get("/api/runs/{run_id}")
    async def run(run_id: str) -> RunDetail:
        try:
            found = await hub.runs.load(run_id)
        except BrokenLogError as error:
            raise HTTPException(404, str(error)) from error
        if found is None:
            raise HTTPException(404, f"There is no run {run_id!r}; it may be gone.")
        return RunDetail(run=found.info, state=found.state.model_dump())

    def file_of(run_id: str, path: Path, what: str) -> FileResponse:
        if hub.runs.info(run_id) is None:
            raise HTTPException(404, f"There is no run {run_id!r}; it may be gone.")
        if not path.is_file():
            raise HTTPException(404, f"Run {run_id} has no {what}.")
        return FileResponse(path, filename=f"{run_id}-{path.name}")

    @app.get("/api/runs/{run_id}/log", response_class=FileResponse)
    async def run_log(run_id: str) -> FileResponse:
        try:
            hub.runs.archive.check_recorded(run_id)
        except BrokenLogError as error:
            raise HTTPException(410, str(error)) from error
        return file_of(run_id, hub.runs.archive.log_path(run_id), "log")

    @app.get("/api/runs/{run_id}/result.parquet", response_class=FileResponse)
    async def result(run_id: str) -> FileResponse:
        return file_of(run_id, hub.runs.archive.result_path(run_id), "result")

    @app.get("/api/protocol.json")
    async def protocol_schema() -> dict[str, Any]:
        return {"schema": api_schema.protocol_schema(), "constants": api_schema.constants()}

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        return app.openapi()

    @app.post("/api/pairing-codes")
    async def pairing_codes() -> PairingCode:
        return PairingCode(code=credentials.new_code())

    @app.get("/api/check")
    async def check_all() -> Findings:
        if hub.runs.active():
            raise HTTPException(409, "A run is going: look again when it has ended.")
        async with looking:
            return Findings(findings=[finding async for finding in look()])

    @app.get("/api/devices")
    async def devices(request: Request) -> list[DeviceInfo]:
        connected = {client.device for client in hub.clients}
        current = credentials.device(cookie_of(request))
        return [
            DeviceInfo(
                id=device.id,
                name=device.name,
                paired_at=device.paired_at,
                connected=device.id in connected,
                current=device.id == current,
            )
            for device in credentials.devices.paired()
        ]

    @app.post("/api/devices/codes")
    async def device_codes() -> ShownCode:
        if hub.share_url is None:
            raise HTTPException(
                409,
                "No other device reaches this server. Start it with --share, or with "
                "--public-url, and join a network.",
            )
        code = credentials.new_code(SHOWN_CODE_SECONDS)
        url = f"{hub.share_url}/pair?code={code}&view=presenter"
        return ShownCode(code=code, seconds=SHOWN_CODE_SECONDS, url=url)

    @app.delete("/api/devices/{device_id}", status_code=204)
    async def revoke(device_id: str) -> None:
        try:
            found = credentials.devices.revoke(device_id)
        except OSError as error:
            raise HTTPException(
                500, f"Shut out until the next start only, the list is on disk: {error.strerror}."
            ) from error
        finally:
            hub.revoke(device_id)
        if not found:
            raise HTTPException(404, f"There is no device {device_id!r}; it may be gone.")

    @app.get("/pair", include_in_schema=False)
    async def pair(request: Request, code: str = "", view: str = "") -> Response:
        if attempts.exhausted(_address(request)):
            return PlainTextResponse(TOO_MANY_ATTEMPTS, 429)
        cookie = credentials.redeem(code, device_name(request.headers.get("user-agent", "")))
        if cookie is None and role_of(request, None) is not Role.PRESENTER:
            attempts.failed(_address(request))
            return PlainTextResponse(
                "This pairing code was used already or is too old. Run npm start again, or show "
                "a new one at /devices.",
                403,
            )
        above = "/presenter/" if view == "presenter" else "/"
        answer = RedirectResponse(above + hub.place, 303)
        if cookie is not None:
            answer.set_cookie(
                cookie_name,
                cookie,
                max_age=COOKIE_SECONDS,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
            )
        return answer

    @app.get("/{path:path}", include_in_schema=False)
    async def deck(request: Request, path: str) -> Response:
        if path == "api" or path.startswith("api/"):
            return JSONResponse({"detail": f"There is nothing at /{path}."}, 404)
        answer = deck_file(dist, path)
        if answer.media_type == "text/html" and browser_cookie not in request.cookies:
            answer.set_cookie(
                browser_cookie, secrets.token_hex(BROWSER_ID // 2), httponly=True, samesite="strict"
            )
        return answer

    return app
