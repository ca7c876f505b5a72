"""The websocket; its hello and its cookie decide the role."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from fastapi import WebSocket
from fastapi.requests import HTTPConnection
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send

from demo_server.web import limits
from demo_server.web.client_connection import ClientConnection, Handshake
from demo_server.web.dependencies import Parts, client_address


def route(parts: Parts) -> WebSocketRoute:
    """Return the route of the websocket.

    FastAPI's routes hold frames and exit stacks of dependencies as long as a client stays, and
    Starlette's those of exception handlers: some 8 kB for what this one has none of.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        hub = parts.hub
        if hub.share_url and is_audience(hub.share_url, websocket):
            hub.visited_at = time.time()
        browser = websocket.cookies.get(parts.browser_cookie, "")
        handshake = Handshake(
            address=client_address(websocket),
            device=parts.credentials.device(parts.session_of(websocket)),
            browser=browser[: limits.BROWSER_ID_CHARACTERS] or None,
            role_of=lambda token: parts.role_of(websocket, token),
        )
        connection = ClientConnection(websocket, hub, parts.run_control, parts.slots)
        await connection.run(handshake)

    route = WebSocketRoute("/ws", serve)
    route.app = serve
    return route


def is_audience(share_url: str, connection: HTTPConnection) -> bool:
    """Tell whether the page was loaded by the audience's address, and from another machine."""
    shared = urlsplit(share_url)
    own = client_address(connection) == shared.hostname
    return connection.headers.get("host") == shared.netloc and not own
