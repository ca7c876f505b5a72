"""Files that are complete or not there, and what tells their states apart."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from demo_server.system.files import OWNER_ONLY, replace_atomically, write_atomically


def test_a_written_file_replaces_the_old_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, "old")
    write_atomically(path, b"new", OWNER_ONLY)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def write_half_of(path: Path) -> None:
    with replace_atomically(path) as part:
        part.write_text("half")
        raise OSError("the disk is full")


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "result.parquet"
    path.write_text("complete")
    with pytest.raises(OSError, match="disk"):
        write_half_of(path)
    assert path.read_text() == "complete"
    assert list(tmp_path.iterdir()) == [path]
