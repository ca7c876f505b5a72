"""All runs the server knows, and the one author of their events."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import JsonValue

from demo_server.protocol.base import Frame
from demo_server.protocol.errors import Refusal
from demo_server.protocol.events import Event, NoteData, StatusData
from demo_server.protocol.frames import ErrorCode, RunInfo
from demo_server.protocol.state import RunState
from demo_server.runs.archive import Archive
from demo_server.runs.log import Author, Header, RunLog
from demo_server.runs.run import Run
from demo_server.system import machine
from demo_server.system.process import this_process

KEPT_IN_MEMORY = 4

log = logging.getLogger(__name__)


class RunRegistry:
    """Assigns `seq` and `t`, writes the logs, and keeps only a few runs' states in memory."""

    def __init__(
        self,
        archive: Archive,
        dataset: str | None,
        model: str | None,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.archive = archive
        self.on_accept: list[Callable[[Run], None]] = []
        self.on_event: list[Callable[[Run, Event, str], None]] = []  # the event, and encoded
        self._dataset, self._model, self._max_bytes = dataset, model, max_bytes
        self._clock = clock
        self._infos: dict[str, RunInfo] = {}
        self._by_request: dict[str, str] = {}
        self._loaded: dict[str, Run] = {}
        self._logs: dict[str, RunLog] = {}
        self._zero: dict[str, float] = {}
        self._loading: dict[str, asyncio.Task[RunState]] = {}

    def recover(self, alive: Callable[[Author], bool]) -> None:
        """List what earlier servers left, and close what they could not."""
        for archived in self.archive.recover(alive):
            self._infos[archived.info.run_id] = archived.info
            self._by_request[archived.request_id] = archived.info.run_id

    def list(self) -> list[RunInfo]:
        """Return all runs, oldest first."""
        return [
            self._loaded[run_id].info if run_id in self._loaded else info
            for run_id, info in self._infos.items()
        ]

    def info(self, run_id: str) -> RunInfo | None:
        run = self._loaded.get(run_id)
        return run.info if run else self._infos.get(run_id)

    def of_request(self, request_id: str) -> str | None:
        """Return the run that this request started, in this or an earlier server."""
        return self._by_request.get(request_id)

    def loaded(self, run_id: str) -> Run | None:
        return self._loaded.get(run_id)

    def live(self, run_id: str) -> Run:
        """Return a run that has not ended.

        Raises:
            Refusal: there is none of that id, or it has ended.
        """
        info, run = self._infos.get(run_id), self._loaded.get(run_id)
        if info is None:
            raise Refusal(ErrorCode.UNKNOWN_RUN, f"There is no run {run_id!r}.", "run_id")
        if run is None or run.status.ended:
            status = run.status if run else info.status
            raise Refusal(ErrorCode.ALREADY_ENDED, f"This run is over: {status}.", "run_id")
        return run

    async def load(self, run_id: str) -> Run | None:
        """Return a run with its state, folding its log if it is not in memory.

        Raises:
            BrokenLogError: the log cannot be read.
        """
        info = self._infos.get(run_id)
        if info is None or run_id in self._loaded:
            return self._loaded.get(run_id)
        state = await self._fold_log(run_id)
        # Somebody else may have loaded it meanwhile: all must share one object.
        if run_id not in self._loaded:
            run = Run(run_id, "", info.experiment, info.params, info.started_at, state)
            self._loaded[run_id] = run
        run = self._loaded[run_id]
        self._forget_old()
        return run

    async def _fold_log(self, run_id: str) -> RunState:
        """Fold a log once for all clients that ask meanwhile: a whole audience may reconnect."""
        folding = self._loading.get(run_id)
        if folding is None:
            folding = asyncio.create_task(asyncio.to_thread(self.archive.state, run_id))
            self._loading[run_id] = folding
            folding.add_done_callback(lambda done: self._folded(run_id, done))
        # A client that leaves meanwhile must not cancel it for the others.
        return await asyncio.shield(folding)

    def _folded(self, run_id: str, folding: asyncio.Task[RunState]) -> None:
        del self._loading[run_id]
        if not folding.cancelled():
            folding.exception()  # read here: whoever asked may have left

    def accept(
        self, request_id: str, experiment: str, params: dict[str, JsonValue], code_hash: str
    ) -> Run:
        """Make a new run, with its log on disk; its first event is for the caller to append."""
        now = datetime.now(UTC)
        name = re.sub(r"[^a-z0-9]+", "-", experiment.lower())[:24]
        run_id = f"{now:%Y%m%d-%H%M%S}-{name}-{secrets.token_hex(3)}"
        run = Run(run_id, request_id, experiment, params, now.timestamp())
        pid, started_at = this_process()
        header = Header(
            run_id=run_id,
            request_id=request_id,
            experiment=experiment,
            params=params,
            started_at=run.started_at,
            date=now.isoformat(timespec="seconds"),
            machine=machine.figures(),
            versions=machine.versions(),
            dataset=self._dataset or "bundled",
            model=self._model or "default",
            code_hash=code_hash,
            author=Author(pid=pid, started_at=started_at),
        )
        self._infos[run_id] = run.info
        self._by_request[request_id] = run_id
        self._loaded[run_id] = run
        self._zero[run_id] = self._clock()
        self._logs[run_id] = RunLog(self.archive.directory(run_id), header)
        for accepted in self.on_accept:
            accepted(run)
        return run

    def append(self, run: Run, data: Frame, stage: str | None = None) -> None:
        """Add an event to a run: number it, log it, pass it on; its kind is the one of `data`.

        A status that ends the run closes its log. After that, events are dropped.
        """
        if run.status.ended:
            return
        t = round((self._clock() - self._zero[run.run_id]) * 1000)
        event, encoded = run.append(data, t, stage)
        run_log = self._logs[run.run_id]
        run_log.append(encoded)
        for appended in self.on_event:
            appended(run, event, encoded)
        if run_log.broken and run.run_id not in self.archive.unrecorded:
            self._report_broken(run, run_log.broken)
        if isinstance(data, StatusData) and data.status.ended:
            self._close(run)

    def _report_broken(self, run: Run, reason: str) -> None:
        self.archive.unrecorded[run.run_id] = reason
        text = (
            f"This run is not recorded from here on: {reason}. It goes on. "
            f"Make room in {self.archive.root} before the next one."
        )
        self.append(run, NoteData(text=text, level="warning"))

    def _close(self, run: Run) -> None:
        self._infos[run.run_id] = run.info
        self._zero.pop(run.run_id)
        self._logs.pop(run.run_id).close()
        self._forget_old()

    def active(self) -> set[str]:
        """Return the runs that have not ended."""
        return set(self._logs)

    async def trim(self, held: Run | None) -> None:
        """Remove the oldest runs until the rest fits the disk that they may use.

        Those that go on stay, and the one whose result a driver holds.
        """
        keep = self.active() | ({held.run_id} if held else set())
        for run_id in await asyncio.to_thread(self.archive.trim, self._max_bytes, keep):
            log.info("run %s was removed to make room", run_id)
        for run_id in [r for r in self._infos if r not in self._logs]:
            if run_id not in self._loaded and not self.archive.log_path(run_id).exists():
                del self._infos[run_id]

    def _forget_old(self) -> None:
        """Drop the states of ended runs but the newest few, and the tails of all ended ones."""
        ended = [run for run in self._loaded.values() if run.status.ended]
        for run in ended[:-1]:
            run.forget_tail()
        for run in ended[:-KEPT_IN_MEMORY]:
            del self._loaded[run.run_id]
