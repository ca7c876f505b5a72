"""Local files: writes that are complete or not made at all, and fingerprints."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWNER_ONLY = 0o600


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Yield a path next to `path`; the file written there replaces `path` after the block.

    An error in the block leaves `path` as it was, and removes what was written.

    Raises:
        OSError: `path` cannot be replaced.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Replace a file in one step; `mode` are its permissions, less the umask.

    Raises:
        OSError: it cannot be written; the old one is still there.
    """
    data = content.encode() if isinstance(content, str) else content
    with replace_atomically(path) as part:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)


def fingerprint(path: Path) -> str:
    """Return a hash of the names, sizes and times of change of a file, or of all in a directory.

    Raises:
        OSError: it is not there or cannot be listed.
    """
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256(os.fsencode(path.resolve()))
    for file in files:
        stat = file.stat()
        times = f"{stat.st_mtime_ns}\0{stat.st_ctime_ns}"  # a copy may keep the first one
        digest.update(os.fsencode(f"\0{file.relative_to(path)}\0{stat.st_size}\0{times}"))
    return digest.hexdigest()[:16]
