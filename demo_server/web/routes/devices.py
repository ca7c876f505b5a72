"""The presenter's devices: the list, a code for one more, and revoking one."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel

from demo_server.web import limits
from demo_server.web.dependencies import Server, presenter

router = APIRouter()


class DeviceInfo(BaseModel):
    id: str
    name: str
    paired_at: float
    connected: bool
    current: bool
    """The one that sent the request."""


class ShownCode(BaseModel):
    code: str
    seconds: float
    url: str


@router.get("/api/devices", dependencies=[Depends(presenter)])
async def devices(server: Server, request: Request) -> list[DeviceInfo]:
    connected = {client.device for client in server.hub.clients}
    current = server.credentials.device(server.session_of(request))
    return [
        DeviceInfo(
            id=device.id,
            name=device.name,
            paired_at=device.paired_at,
            connected=device.id in connected,
            current=device.id == current,
        )
        for device in server.credentials.devices.paired()
    ]


@router.post("/api/devices/codes", dependencies=[Depends(presenter)])
async def new_code(server: Server) -> ShownCode:
    if server.hub.share_url is None:
        raise HTTPException(
            409,
            "No other device reaches this server. Start it with --share, or with --public-url, "
            "and join a network.",
        )
    code = server.credentials.new_code(limits.SHOWN_CODE_SECONDS)
    url = f"{server.hub.share_url}/pair?code={code}&view=presenter"
    return ShownCode(code=code, seconds=limits.SHOWN_CODE_SECONDS, url=url)


@router.delete("/api/devices/{device_id}", dependencies=[Depends(presenter)], status_code=204)
async def revoke(server: Server, device_id: str) -> None:
    try:
        found = server.credentials.devices.revoke(device_id)
    except OSError as error:
        raise HTTPException(
            500,
            "Revoked until the server's next start only: the list on disk cannot be written "
            f"({error.strerror}).",
        ) from error
    finally:
        server.hub.revoke(device_id)
    if not found:
        raise HTTPException(404, f"There is no device {device_id!r}; it may be gone.")
