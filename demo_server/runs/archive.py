"""The runs on disk: which there are, what they fold to, and which go when room is needed."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from demo_server.protocol.errors import BrokenLogError, UnrecordedError
from demo_server.protocol.frames import RunInfo
from demo_server.protocol.state import RunState
from demo_server.runs import fold, log
from demo_server.runs.log import Author

RESULT = "result.parquet"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ArchivedRun:
    """A run of an earlier time, as its header and its last line have it."""

    info: RunInfo
    request_id: str


class Archive:
    """The directory of run directories, oldest first by name."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unrecorded: dict[str, str] = {}  # why, by the id of a run whose log lacks its end

    def directory(self, run_id: str) -> Path:
        return self.root / run_id

    def log_path(self, run_id: str) -> Path:
        return self.directory(run_id) / log.NAME

    def result_path(self, run_id: str) -> Path:
        return self.directory(run_id) / RESULT

    def recover(self, alive: Callable[[Author], bool]) -> list[ArchivedRun]:
        """List the ended runs, oldest first, after closing those whose author is dead.

        A log that cannot be read is left where it is and named in the server's log; one that
        another living process writes is not ours to list.
        """
        found = []
        for path in sorted(self.root.glob(f"*/{log.NAME}")):
            try:
                archived = self._recover_one(path, alive)
            except (BrokenLogError, OSError) as error:
                logger.warning("run %s is left out: %s", path.parent.name, error)
                continue
            if archived:
                found.append(archived)
        return found

    def _recover_one(self, path: Path, alive: Callable[[Author], bool]) -> ArchivedRun | None:
        header = log.read_header(path)
        if header.broken:
            self.unrecorded[header.run_id] = header.broken
            raise UnrecordedError(header.run_id, header.broken)
        end = log.end_of(path)
        if end is None:
            if alive(header.author):
                return None
            end = log.close_unfinished(
                path, "The server ended before this run did. Start it again to get a result."
            )
        info = RunInfo(
            run_id=path.parent.name,
            experiment=header.experiment,
            params=header.params,
            status=end.data.status,
            seq=end.seq,
            started_at=header.started_at,
        )
        return ArchivedRun(info, header.request_id)

    def check_recorded(self, run_id: str) -> None:
        """Refuse a log that could not be written to its end.

        Raises:
            UnrecordedError: with the reason.
        """
        if reason := self.unrecorded.get(run_id):
            raise UnrecordedError(run_id, reason)

    def state(self, run_id: str) -> RunState:
        """Fold a run's log.

        Raises:
            BrokenLogError: the log is missing, lacks its end, or cannot be read.
        """
        self.check_recorded(run_id)
        try:
            return fold.fold(log.read_events(self.log_path(run_id)))
        except (OSError, ValueError) as error:
            raise BrokenLogError(f"the log of run {run_id} cannot be read: {error}") from error

    def trim(self, max_bytes: int, keep: Collection[str]) -> list[str]:
        """Remove runs, oldest first, until the rest fits `max_bytes`; return their ids.

        Those in `keep` stay. A run that cannot be removed is named in the server's log.
        """
        sizes = {
            directory.name: sum(file.stat().st_size for file in directory.iterdir())
            for directory in sorted(self.root.iterdir() if self.root.exists() else [])
            if directory.is_dir()
        }
        total = sum(sizes.values())
        removed = []
        for run_id, size in sizes.items():
            if total <= max_bytes:
                break
            if run_id in keep:
                continue
            try:
                shutil.rmtree(self.directory(run_id))
            except OSError as error:
                logger.warning("run %s cannot be removed: %s", run_id, error.strerror)
                continue
            total -= size
            removed.append(run_id)
        return removed
