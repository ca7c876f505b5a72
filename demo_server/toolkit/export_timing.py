"""A result on its way out: into the driver, as JSON or as Parquet, timed and weighed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from demo_server.protocol.events import Figure

PER_ROWS = 1000


@dataclass(frozen=True)
class Output:
    """What one way out takes for `rows` rows.

    Attributes:
        seconds: to write.
        size: bytes on disk, None where nothing is written.
        read_s: seconds to read it back, None where nothing is.
        memory: bytes that the driver's process grew by.
    """

    rows: int
    seconds: float
    memory: int
    size: int | None = None
    read_s: float | None = None

    def figures(self) -> list[Figure]:
        """Its numbers per 1,000 rows."""
        share = PER_ROWS / self.rows
        found = [
            Figure(name="write_s", label="it takes", value=self.seconds * share, unit="s"),
            Figure(name="memory", label="in the driver", value=self.memory * share, unit="bytes"),
        ]
        if self.size is not None and self.read_s is not None:
            found += [
                Figure(name="size", label="on disk", value=self.size * share, unit="bytes"),
                Figure(name="read_s", label="to read", value=self.read_s * share, unit="s"),
            ]
        return found


@dataclass
class Growth:
    """Bytes that this process has grown by, and seconds that passed."""

    seconds: float = 0.0
    memory: int = 0


@contextmanager
def growth() -> Iterator[Growth]:
    """Measure a block; what it keeps must still be held when it ends."""
    process, found = psutil.Process(), Growth()
    before, began = process.memory_info().rss, time.perf_counter()
    yield found
    found.seconds = time.perf_counter() - began
    found.memory = max(0, process.memory_info().rss - before)


def written(
    title: str,
    rows: int,
    directory: Path,
    write: Callable[[str], None],
    read: Callable[[str], Any],
) -> Output:
    """Write into a directory, weigh it and read it back; `read` returns what has `count()`."""
    with growth() as writing:
        write(str(directory))
    began = time.perf_counter()
    found = read(str(directory)).materialize().count()
    read_s = time.perf_counter() - began
    if found != rows:
        raise ValueError(f"{title}: {found} of {rows} rows were read back")
    size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    return Output(rows, writing.seconds, writing.memory, size, read_s)
