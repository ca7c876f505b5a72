"""A digest of files and directory trees, as `digest` in scripts/setup/stamp.mjs makes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_PASSED_OVER = {"node_modules", "__pycache__", "dist"}


def digest(root: Path, paths: Iterable[str]) -> str:
    """Return the SHA-256 over name, length and content of every file below `paths` of `root`.

    Directories in the order of their names; a path that is not there adds nothing.
    """
    result = hashlib.sha256()
    for path in (file for source in paths for file in _files(root, source)):
        content = (root / path).read_bytes()
        result.update(f"{path}\0{len(content)}\0".encode() + content)
    return result.hexdigest()


def unchanged(root: Path, digests: Mapping[str, str]) -> bool:
    """Return whether each path of `root` still has its digest."""
    return all(digest(root, [path]) == expected for path, expected in digests.items())


def _files(root: Path, path: str) -> Iterator[str]:
    full = root / path
    if not full.exists():
        return
    if not full.is_dir():
        yield path
        return
    for name in sorted(entry.name for entry in full.iterdir()):
        if name not in _PASSED_OVER and not name.startswith("."):
            yield from _files(root, f"{path}/{name}")
