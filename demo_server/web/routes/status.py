"""The server itself: its health, what it offers, its protocol, and the pre-flight check."""

from __future__ import annotations

import os
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel

from demo_server import __version__
from demo_server.protocol.findings import Findings
from demo_server.protocol.frames import ExperimentInfo, Role, ServerStatus
from demo_server.web import api_schema
from demo_server.web.dependencies import Server, anyone, presenter

router = APIRouter()


class Health(BaseModel):
    status: ServerStatus
    reason: str | None
    share_url: str | None
    visited_at: float | None
    pid: int
    epoch: str
    version: str


@router.get("/api/health", dependencies=[Depends(anyone)])
async def health(server: Server) -> Health:
    hub = server.hub
    return Health(
        status=hub.status,
        reason=hub.reason_for(Role.VIEWER),
        share_url=hub.share_url,
        visited_at=hub.visited_at,
        pid=os.getpid(),
        epoch=hub.epoch,
        version=__version__,
    )


@router.get("/api/experiments", dependencies=[Depends(anyone)], response_model_by_alias=True)
async def experiments(server: Server) -> list[ExperimentInfo]:
    return server.hub.experiments


@router.get("/api/protocol.json", dependencies=[Depends(anyone)])
async def protocol_schema() -> dict[str, Any]:
    return {"schema": api_schema.protocol_schema(), "constants": api_schema.constants()}


@router.get("/openapi.json", dependencies=[Depends(anyone)], include_in_schema=False)
async def openapi(request: Request) -> dict[str, Any]:
    description: dict[str, Any] = request.app.openapi()
    return description


@router.get("/api/check", dependencies=[Depends(presenter)])
async def check(server: Server) -> Findings:
    if server.hub.runs.active():
        raise HTTPException(409, "A run is going: check again when it has ended.")
    async with server.checking:
        return Findings(findings=[finding async for finding in server.preflight()])
