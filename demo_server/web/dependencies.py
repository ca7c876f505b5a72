"""What routes depend on: the parts of the running server, and the role of the caller.

Each route declares one of `ROLES` on its own line; `require_declared_role`, a dependency of the
whole app, refuses every request to a route that declares none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.requests import HTTPConnection

from demo_server.protocol.findings import Finding
from demo_server.protocol.frames import Role
from demo_server.system.addresses import is_loopback
from demo_server.web.auth import Credentials
from demo_server.web.client_connection import RunControl
from demo_server.web.connection_slots import ConnectionSlots
from demo_server.web.hub import Hub
from demo_server.web.rate_limit import Attempts

TOO_MANY_ATTEMPTS = "Too many wrong tokens or codes from your address: wait a minute."
FORBIDDEN = (
    "Only the presenter gets this: send `Authorization: Bearer TOKEN`, or pair this browser."
)


@dataclass
class Parts:
    """What the routes of one server share."""

    hub: Hub
    run_control: RunControl
    credentials: Credentials
    port: int
    dist: Path
    preflight: Callable[[], AsyncIterator[Finding]]
    attempts: Attempts = field(default_factory=Attempts)
    slots: ConnectionSlots = field(default_factory=ConnectionSlots)
    checking: asyncio.Lock = field(default_factory=asyncio.Lock)

    # Cookies know no ports: two servers on one machine must not overwrite each other's.

    @property
    def session_cookie(self) -> str:
        """The name of the cookie that names a paired device."""
        return f"demo_session_{self.port}"

    @property
    def browser_cookie(self) -> str:
        """The name of the cookie that distinguishes browsers, so that each has one vote."""
        return f"demo_browser_{self.port}"

    def session_of(self, connection: HTTPConnection) -> str | None:
        return connection.cookies.get(self.session_cookie)

    def role_of(self, connection: HTTPConnection, token: str | None) -> Role | None:
        """Return the caller's role; None where its address has tried too many tokens."""
        address = client_address(connection)
        if token is not None and self.attempts.exhausted(address):
            return None
        role = self.credentials.role(token, self.session_of(connection))
        if token is not None and role is not Role.PRESENTER:
            self.attempts.failed(address)
        return role


def parts_of(connection: HTTPConnection) -> Parts:
    parts: Parts = connection.app.state.parts
    return parts


async def _parts(connection: HTTPConnection) -> Parts:
    return parts_of(connection)


Server = Annotated[Parts, Depends(_parts)]


def client_address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""


async def anyone() -> None:
    """Role: no credentials needed."""


async def presenter(connection: HTTPConnection) -> None:
    """Role: the presenter's token, or the cookie of a paired device."""
    if _role(connection) is not Role.PRESENTER:
        raise HTTPException(403, FORBIDDEN)


async def local_command(connection: HTTPConnection) -> None:
    """Role: a command of the same user on this machine, which reads the state file's secret."""
    credentials = parts_of(connection).credentials
    is_local = is_loopback(client_address(connection))
    if not (is_local and credentials.is_local_secret(_bearer_token(connection))):
        _role(connection)  # counts a wrong token
        raise HTTPException(403, FORBIDDEN)


ROLES = (anyone, presenter, local_command)


async def require_declared_role(connection: HTTPConnection) -> None:
    """Refuse the request if its route declares no role."""
    declared = {dependency.dependency for dependency in connection.scope["route"].dependencies}
    if declared.isdisjoint(ROLES):
        raise HTTPException(403, "This route declares no role.")


def _role(connection: HTTPConnection) -> Role:
    role = parts_of(connection).role_of(connection, _bearer_token(connection))
    if role is None:
        raise HTTPException(429, TOO_MANY_ATTEMPTS)
    return role


def _bearer_token(connection: HTTPConnection) -> str | None:
    authorization = connection.headers.get("authorization", "")
    return authorization[7:] if authorization.startswith("Bearer ") else None
