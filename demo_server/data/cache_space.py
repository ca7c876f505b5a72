"""Space in the cache: the Arrow files that were used last stay, and those that are in use.

A process locks each file that it reads until it ends. How recently a file was used is the time of
the JSON file next to it: its own belongs to what `datasets` takes it for.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from demo_server.data.source_error import SourceError
from demo_server.system.checkout import ROOT
from demo_server.system.environment import cache_directory

MOST_BYTES = 5_000_000_000
PART_S = 86_400.0  # a file that is written for so long is one whose process was killed

log = logging.getLogger(__name__)

_held: dict[Path, int] = {}  # descriptors


@contextmanager
def writable() -> Iterator[None]:
    """Raise what goes wrong with the cache as its fault, and not as the data's."""
    try:
        yield
    except OSError as error:
        place = cache_directory()
        name = place.relative_to(ROOT) if place.is_relative_to(ROOT) else place
        raise SourceError(
            "cache",
            f"The cache {name} can't be written: {error.strerror or error}.",
            "Set DEMO_CACHE to a directory that can be, or make room in this one.",
        ) from error


def hold(arrow: Path) -> bool:
    """Keep a file from being removed while this process lives; return whether it is there."""
    try:
        descriptor = os.open(arrow, os.O_RDONLY)
    except FileNotFoundError:
        return False
    with suppress(OSError):  # where files can't be locked, none is removed either
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    if not is_at(descriptor, arrow):  # it was removed meanwhile
        os.close(descriptor)
        return False
    before, _held[arrow] = _held.get(arrow), descriptor
    if before is not None:
        os.close(before)
    with suppress(OSError):  # nothing is removed from a cache that can only be read
        os.utime(arrow.with_suffix(".json"), ns=(time.time_ns(),) * 2)  # the system's own is coarse
    return True


def is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def loaded(arrow: Path) -> Path:
    """Return where `load_dataset` keeps what it makes of a file."""
    return arrow.parent / "loaded" / arrow.stem


def prune(directory: Path) -> None:
    """Remove what was used longest ago until the rest fits `MOST_BYTES`, and what was left behind.

    What can't be removed is named in the log.
    """
    now, total = time.time(), 0
    for _, arrow in sorted((used_at(arrow), arrow) for arrow in directory.glob("*.arrow"))[::-1]:
        total += size(arrow)
        if total > MOST_BYTES:
            remove(arrow)
    for part in directory.glob("*.part"):
        try:
            if now - part.stat().st_mtime > PART_S:
                part.unlink()
        except OSError as error:
            log.warning("%s can't be removed: %s", part.name, error.strerror)


def remove(arrow: Path) -> None:
    """Remove a file and what belongs to it, unless a process uses it."""
    try:
        descriptor = os.open(arrow, os.O_RDONLY)
    except FileNotFoundError:  # another process has removed it
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        arrow.unlink()
        arrow.with_suffix(".json").unlink(missing_ok=True)
        if loaded(arrow).exists():
            shutil.rmtree(loaded(arrow))
    except BlockingIOError:
        pass  # in use
    except OSError as error:
        log.warning("%s can't be removed: %s", arrow.name, error.strerror)
    finally:
        os.close(descriptor)


def used_at(arrow: Path) -> int:
    """Return when a file was used last, in ns of Unix time; 0 where that isn't known."""
    try:
        return arrow.with_suffix(".json").stat().st_mtime_ns
    except OSError:
        return 0


def size(arrow: Path) -> int:
    """Return the bytes of a file and of what belongs to it, as far as they are there."""
    total = 0
    for file in (arrow, arrow.with_suffix(".json"), *loaded(arrow).rglob("*")):
        with suppress(OSError):
            total += file.stat().st_size
    return total
