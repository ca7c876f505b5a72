"""What every request passes before any route: the host rule, and the headers of every answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi.requests import HTTPConnection
from fastapi.responses import PlainTextResponse, RedirectResponse

from demo_server.protocol.frames import CloseCode
from demo_server.web.hosts import HostRule, canonical_url, is_loopback_name

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HEADERS = {
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    # The deck compiles templates and runs WebAssembly; what matters is that nothing is remote.
    b"content-security-policy": b"default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "
    b"base-uri 'self'; form-action 'self'; frame-ancestors 'self'; object-src 'none'",
}
# On plain HTTP from another machine a browser ignores it, and reports that as an error.
SECURE_HEADERS = {b"cross-origin-opener-policy": b"same-origin"}


class HostCheck:
    """Refuses requests to other names, leads pages to the canonical one, and adds the headers."""

    def __init__(self, app: Any, rule: HostRule) -> None:
        self._app, self._rule = app, rule

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        headers = connection.headers
        refused = self._rule.refusal(headers.get("host"), headers.get("origin"))
        if refused and scope["type"] == "websocket":
            await receive()
            reason = refused[:120]
            await send({"type": "websocket.close", "code": CloseCode.NOT_ALLOWED, "reason": reason})
            return
        if scope["type"] == "websocket":
            # What stays here stays as long as a client does.
            del connection, headers
            await self._app(scope, receive, send)
            return

        added = {**HEADERS, **(SECURE_HEADERS if _is_secure(connection) else {})}

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *added.items()]
            await send(message)

        app = self._app
        if refused:
            app = PlainTextResponse(refused, 421)
        elif canonical := canonical_url(connection):
            app = RedirectResponse(canonical, 307)
        await app(scope, receive, send_with_headers)


def _is_secure(connection: HTTPConnection) -> bool:
    """Tell whether a browser treats this as a secure context."""
    is_own = is_loopback_name(connection.headers.get("host", ""))
    return is_own or connection.scope["scheme"] in ("https", "wss")
