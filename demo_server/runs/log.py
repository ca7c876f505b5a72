"""A run's log on disk: one header line, then its events, as JSON Lines.

The log is the recording: `GET /api/runs/{id}/log` serves the file as it is.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from demo_server.protocol.errors import BrokenLogError
from demo_server.protocol.event_kinds import EVENTS, event
from demo_server.protocol.events import Event, RunStatus, StatusData

FORMAT = 2
NAME = "log.jsonl"
_BLOCK = 64 * 1024
# Room in the header's line for why the log is broken: a full disk has none elsewhere.
_ROOM = 160

log = logging.getLogger(__name__)


class Author(BaseModel):
    """The process that writes a log; with its start time, because pids are used again."""

    pid: int
    started_at: float


class Header(BaseModel):
    """The first line of a log."""

    model_config = ConfigDict(extra="ignore")

    format: int = FORMAT
    run_id: str
    request_id: str
    experiment: str
    params: dict[str, JsonValue]
    started_at: float
    date: str
    machine: dict[str, Any]
    versions: dict[str, str]
    dataset: str
    model: str
    code_hash: str
    author: Author
    broken: str | None = Field(default=None, description="why events are missing at the end")


class RunLog:
    """Appends one run's events to its file.

    A full disk must not end a talk: the first failed write closes the log at its last whole
    line, `broken` and the header say why, and the run goes on.
    """

    def __init__(self, directory: Path, header: Header) -> None:
        self.path = directory / NAME
        self.broken: str | None = None
        self._file: int | None = None
        self._header = header
        try:
            directory.mkdir(parents=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            self.broken = _cause(error)
        self.append(header.model_dump_json() + " " * _ROOM)

    def append(self, line: str) -> None:
        """Write one line; on failure cut the file back to its last whole line and stop."""
        if self._file is None:
            return
        end = os.lseek(self._file, 0, os.SEEK_CUR)
        left = line.encode() + b"\n"
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            self.broken = _cause(error)
            os.ftruncate(self._file, end)
            if end:
                self._mark(self._file, self.broken)
            self.close()

    def _mark(self, file: int, reason: str) -> None:
        """Write into the header, in its place, why the log ends too early."""
        written = len(self._header.model_dump_json().encode()) + _ROOM
        marked = self._header.model_copy(update={"broken": reason[: _ROOM // 4]})
        try:
            os.pwrite(file, marked.model_dump_json().encode().ljust(written), 0)
        except OSError as error:  # a file system that copies on write needs room for that, too
            log.error("%s ends too early and cannot say so: %s", self.path, _cause(error))

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _cause(error: OSError) -> str:
    return error.strerror or str(error)


def read_header(path: Path) -> Header:
    """Read the first line of a log.

    Raises:
        BrokenLogError: there is no such file, or its first line is not a header of this format.
    """
    try:
        with path.open(encoding="utf-8") as file:
            header = Header.model_validate_json(file.readline())
    except (OSError, ValueError) as error:
        raise BrokenLogError(f"{path.name} has no header that can be read: {error}") from error
    if header.format != FORMAT:
        raise BrokenLogError(f"{path.name} has format {header.format}, this server reads {FORMAT}")
    return header


def read_events(path: Path) -> Iterator[Event]:
    """Yield the events of a log; a half-written last line ends it.

    Raises:
        BrokenLogError: a line in the middle is not an event.
    """
    with path.open("rb") as file:
        file.readline()
        for number, line in enumerate(file, start=2):
            if not line.endswith(b"\n"):
                return
            try:
                yield event.validate_json(line)
            except ValueError as error:
                raise BrokenLogError(
                    f"line {number} of {path.name} is not an event: {error}"
                ) from None


def last_event(path: Path) -> Event | None:
    """Return the last whole event of a log, None when only the header is there.

    Raises:
        BrokenLogError: the last whole line is not an event.
    """
    line = _last_line(path)
    if line is None:
        return None
    try:
        return event.validate_json(line)
    except ValueError as error:
        raise BrokenLogError(f"the last line of {path.name} is not an event: {error}") from None


def end_of(path: Path) -> Event | None:
    """Return the event that ended a log's run, None where it has none.

    Raises:
        BrokenLogError: the last whole line is not an event.
    """
    last = last_event(path)
    ended = last and isinstance(last.data, StatusData) and last.data.status.ended
    return last if ended else None


def _last_line(path: Path) -> bytes | None:
    """Return the last line that ends in a newline, None when it is the header."""
    with path.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        text = b""
        while start > 0:
            step = min(_BLOCK, start)
            start = file.seek(start - step)
            text = file.read(step) + text
            lines = text.split(b"\n")
            # Whole lines: not the first of `lines` (unless at the file's start), not the last.
            if len(lines) > 2:
                return lines[-2]
    return None


def close_unfinished(path: Path, reason: str) -> Event:
    """End a log whose author died: cut a half line, append `failed` and return that event.

    Raises:
        BrokenLogError: the log cannot be read.
        OSError: it cannot be written.
    """
    last = last_event(path)
    seq, t = (last.seq, last.t) if last else (0, 0)
    failed = StatusData(status=RunStatus.FAILED, reason=reason)
    end = EVENTS[StatusData].model_validate({"seq": seq + 1, "t": t, "data": failed})
    with path.open("rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)
        file.write(end.model_dump_json().encode() + b"\n")
    return end
