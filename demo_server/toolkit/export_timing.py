"""A result on its way out: into the driver, as JSON or as Parquet, timed and weighed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from demo_server.protocol.events import ExportData
from demo_server.toolkit.comparison import PER_ROWS


@dataclass
class Growth:
    """Bytes that this process has grown by, and seconds that passed."""

    seconds: float = 0.0
    memory: int = 0

    def export(self, rows: int) -> ExportData:
        """Return what it is for 1,000 of `rows` rows."""
        share = PER_ROWS / rows
        return ExportData(write_s=self.seconds * share, memory_bytes=self.memory * share)


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
) -> ExportData:
    """Write into a directory, weigh it and read it back; `read` returns what has `count()`.

    Raises:
        ValueError: other than `rows` rows were read back.
    """
    with growth() as writing:
        write(str(directory))
    began = time.perf_counter()
    found = read(str(directory)).materialize().count()
    share = PER_ROWS / rows
    read_s = (time.perf_counter() - began) * share
    if found != rows:
        raise ValueError(f"{title}: {found} of {rows} rows were read back")
    size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    return writing.export(rows).model_copy(update={"disk_bytes": size * share, "read_s": read_s})
