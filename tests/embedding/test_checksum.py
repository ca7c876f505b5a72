"""The checksum of a model's files, computed once."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo_server.embedding.checksum import cached_sha256


def test_a_changed_file_is_hashed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "file"
    file.write_bytes(b"one")
    first = cached_sha256(file)
    file.write_bytes(b"three")
    assert cached_sha256(file) != first


def test_a_broken_hash_file_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path))
    store = tmp_path / "model-sha256.json"
    store.write_text("{ half a fi")
    file = tmp_path / "file"
    file.write_bytes(b"one")
    assert cached_sha256(file) in store.read_text()
