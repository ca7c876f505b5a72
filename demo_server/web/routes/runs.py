"""Runs: the list, one run's state, its log and its result."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import FileResponse
from pydantic import BaseModel, JsonValue

from demo_server.protocol.errors import BrokenLogError
from demo_server.protocol.frames import RunInfo
from demo_server.runs.run_registry import RunRegistry
from demo_server.web.dependencies import Server, anyone, presenter

router = APIRouter()


class RunDetail(BaseModel):
    run: RunInfo
    state: dict[str, JsonValue]


@router.get("/api/runs", dependencies=[Depends(anyone)])
async def runs(server: Server) -> list[RunInfo]:
    return server.hub.runs.list()


@router.get("/api/runs/{run_id}", dependencies=[Depends(anyone)])
async def run(server: Server, run_id: str) -> RunDetail:
    try:
        found = await server.hub.runs.load(run_id)
    except BrokenLogError as error:
        raise HTTPException(404, str(error)) from error
    if found is None:
        raise _no_run(run_id)
    return RunDetail(run=found.info, state=found.state.model_dump())


@router.get(
    "/api/runs/{run_id}/log", dependencies=[Depends(presenter)], response_class=FileResponse
)
async def run_log(server: Server, run_id: str) -> FileResponse:
    registry = server.hub.runs
    try:
        registry.archive.check_recorded(run_id)
    except BrokenLogError as error:
        raise HTTPException(410, str(error)) from error
    return _file(registry, run_id, registry.archive.log_path(run_id), "log")


@router.get(
    "/api/runs/{run_id}/result.parquet",
    dependencies=[Depends(presenter)],
    response_class=FileResponse,
)
async def result(server: Server, run_id: str) -> FileResponse:
    registry = server.hub.runs
    return _file(registry, run_id, registry.archive.result_path(run_id), "result")


def _file(registry: RunRegistry, run_id: str, path: Path, what: str) -> FileResponse:
    if registry.info(run_id) is None:
        raise _no_run(run_id)
    if not path.is_file():
        raise HTTPException(404, f"Run {run_id} has no {what}.")
    return FileResponse(path, filename=f"{run_id}-{path.name}")


def _no_run(run_id: str) -> HTTPException:
    return HTTPException(404, f"There is no run {run_id!r}; it may be gone.")
