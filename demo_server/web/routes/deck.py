"""The deck, at every path that nothing else has."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from demo_server.web import limits
from demo_server.web.dependencies import Server, anyone
from demo_server.web.static_deck import deck_file

router = APIRouter()


@router.get("/{path:path}", dependencies=[Depends(anyone)], include_in_schema=False)
async def deck(server: Server, request: Request, path: str) -> Response:
    if path == "api" or path.startswith("api/"):
        return JSONResponse({"detail": f"There is nothing at /{path}."}, 404)
    answer = deck_file(server.dist, path)
    if answer.media_type == "text/html" and server.browser_cookie not in request.cookies:
        browser = secrets.token_hex(limits.BROWSER_ID_CHARACTERS // 2)
        answer.set_cookie(server.browser_cookie, browser, httponly=True, samesite="strict")
    return answer
