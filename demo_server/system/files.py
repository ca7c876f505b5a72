"""Local files: writes that are complete or not made at all, what a directory has, fingerprints."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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


@dataclass
class Listing:
    """What is below a directory: files, links to nothing, and links to what is listed otherwise.

    `unreadable` are directories that can't be listed.
    """

    files: list[Path] = field(default_factory=list)
    broken: list[Path] = field(default_factory=list)
    repeated: list[Path] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)


def list_files(directory: Path) -> Listing:
    """Return what is below a directory, sorted, with what links to directories lead to.

    A directory is listed once, by its own name if it lies below `directory`, so no loop is endless.
    Hidden ones are not: they hold what programs keep for themselves.

    Raises:
        OSError: `directory` is not there or can't be listed.
    """

    def pass_over(error: OSError) -> None:
        if str(error.filename) == str(directory):
            raise error
        listing.unreadable.append(Path(error.filename))

    listing, links, seen = Listing(), [directory], set[str]()
    for top in links:  # which grows
        if os.path.realpath(top) in seen:
            listing.repeated.append(top)
            continue
        for place, directories, names in os.walk(top, onerror=pass_over):
            seen.add(os.path.realpath(place))
            shown = sorted(name for name in directories if not name.startswith("."))
            paths = {name: Path(place, name) for name in shown}
            links += [path for path in paths.values() if path.is_symlink()]
            directories[:] = [
                name
                for name, path in paths.items()
                if not path.is_symlink() and os.path.realpath(path) not in seen
            ]
            for name in names:
                file = Path(place, name)
                if file.is_file():
                    listing.files.append(file)
                elif file.is_symlink() and not name.startswith("."):
                    listing.broken.append(file)
    listing.files.sort()
    return listing


def fingerprint(path: Path) -> str:
    """Return a hash of the names, sizes and times of change of a file, or of all in a directory.

    Raises:
        OSError: it is not there or cannot be listed.
    """
    files = list_files(path).files if path.is_dir() else [path]
    digest = hashlib.sha256(os.fsencode(path.resolve()))
    for file in files:
        stat = file.stat()
        times = f"{stat.st_mtime_ns}\0{stat.st_ctime_ns}"  # a copy may keep the first one
        digest.update(os.fsencode(f"\0{file.relative_to(path)}\0{stat.st_size}\0{times}"))
    return digest.hexdigest()[:16]
