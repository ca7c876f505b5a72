"""Pairing: a command mints a code, a browser that opens it becomes the presenter's."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from pydantic import BaseModel

from demo_server.protocol.frames import Role
from demo_server.web import limits
from demo_server.web.dependencies import (
    TOO_MANY_ATTEMPTS,
    Server,
    anyone,
    client_address,
    local_command,
)
from demo_server.web.paired_devices import device_name

router = APIRouter()


class PairingCode(BaseModel):
    code: str


@router.post("/api/pairing-codes", dependencies=[Depends(local_command)])
async def new_code(server: Server) -> PairingCode:
    return PairingCode(code=server.credentials.new_code())


@router.get("/pair", dependencies=[Depends(anyone)], include_in_schema=False)
async def pair(server: Server, request: Request, code: str = "", view: str = "") -> Response:
    # A right code is never refused for the wrong ones of others behind the same proxy: with 96
    # random bits it isn't guessed.
    cookie = server.credentials.redeem(code, device_name(request.headers.get("user-agent", "")))
    if cookie is None and server.role_of(request, None) is not Role.PRESENTER:
        address = client_address(request)
        if server.attempts.exhausted(address):
            return PlainTextResponse(TOO_MANY_ATTEMPTS, 429)
        server.attempts.failed(address)
        return PlainTextResponse(
            "This pairing code was used already or is too old. Run npm start again, or show a "
            "new one at /devices.",
            403,
        )
    above = "/presenter/" if view == "presenter" else "/"
    answer = RedirectResponse(above + server.hub.position, 303)
    if cookie is not None:
        answer.set_cookie(
            server.session_cookie,
            cookie,
            max_age=limits.DEVICE_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
    return answer
