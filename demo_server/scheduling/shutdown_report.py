"""What `shutdown` gave back, measured: processes, memory, object store."""

from __future__ import annotations

import asyncio

from demo_server.processes.ray_head import Ray, Usage
from demo_server.protocol.events import Figure, MetricsData, NoteData, ResultData
from demo_server.runs.run import Run
from demo_server.runs.run_registry import RunRegistry


class ShutdownReport:
    """Measures Ray before the driver leaves it, and again when the head has ended."""

    def __init__(self, ray: Ray) -> None:
        self._ray = ray
        self._before: asyncio.Task[Usage] = asyncio.create_task(ray.usage())

    async def report(self, runs: RunRegistry, run: Run, object_store_bytes: int | None) -> None:
        """Add to `run` what is gone now that Ray has ended, or that Ray is not ours to end."""
        if self._ray.ours:
            figures = await self._figures(object_store_bytes)
            runs.append(run, _with_figures(run, figures))
        else:
            text = "This cluster is not ours: we have disconnected, and it runs on."
            runs.append(run, NoteData(text=text))

    async def _figures(self, object_store_bytes: int | None) -> list[Figure]:
        before, after = await self._before, await self._ray.usage()
        found = [
            Figure(
                name="ended_processes",
                label="Ray processes ended",
                value=before.processes - after.processes,
            ),
            Figure(
                name="freed_bytes",
                label="memory freed",
                value=before.memory_bytes - after.memory_bytes,
                unit="bytes",
            ),
        ]
        if object_store_bytes is not None:
            label = "object store freed"
            freed = Figure(
                name="freed_object_store_bytes", label=label, value=object_store_bytes, unit="bytes"
            )
            found.append(freed)
        return found


def _with_figures(run: Run, figures: list[Figure]) -> ResultData:
    """Return the run's result with `figures` added: a result replaces the one before."""
    stage = run.state.stages.get("")
    result = (stage.newest(ResultData) if stage else None) or ResultData()
    return result.model_copy(update={"figures": [*result.figures, *figures]})


def object_store_bytes(runs: list[Run]) -> int | None:
    """Return the newest count of bytes in the object store that these runs, newest first, saw."""
    for run in runs:
        for stage in reversed(run.state.stages.values()):
            if metrics := stage.newest(MetricsData):
                return metrics.object_store_bytes
    return None
