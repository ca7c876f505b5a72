"""The files of a dataset on the hub, when the hub fails after they were downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants

from demo_server.data import hub_files
from demo_server.data.hub_files import Known
from demo_server.data.spec import parse


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What was downloaded once, as `user/name`."""
    file = tmp_path / "train.csv"
    file.write_text("text\na\n")
    known = Known(
        split="train", loader="csv", files={"train.csv": file}, features=None, delimiter=None
    )
    monkeypatch.setattr(hub_files, "prefer_cache_when_unreachable", lambda: None)
    monkeypatch.setattr(hub_files, "download", lambda spec: ("default", known))
    assert hub_files.find(parse("user/name"), tmp_path / "kept")
    return tmp_path / "kept"


def fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def download(spec: object) -> None:
        raise error

    monkeypatch.setattr(hub_files, "download", download)


def test_where_the_hub_fails_the_files_fetched_before_are_used_and_that_is_noted(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, ConnectionError("503 Service Unavailable"))
    found = hub_files.find(parse("user/name"), kept)
    assert found is not None
    assert [file.name for file in found.files] == ["train.csv"]
    assert found.notes == ("The hub failed (ConnectionError): these are the files fetched before.",)


def test_what_the_hub_says_is_passed_on(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, FileNotFoundError("no such dataset"))
    with pytest.raises(FileNotFoundError):
        hub_files.find(parse("user/name"), kept)


def test_without_files_of_before_a_failure_is_one(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, ConnectionError())
    with pytest.raises(ConnectionError):
        hub_files.find(parse("user/other"), kept)


def test_offline_a_split_is_found_however_it_was_asked_for(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for spec in ("user/name", "user/name::train", "user/name:default", "user/name:default:train"):
        assert hub_files.find(parse(spec), kept), spec
    assert hub_files.find(parse("user/name::test"), kept) is None
