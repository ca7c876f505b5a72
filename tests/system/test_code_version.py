"""Which code an experiment is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from demo_server.system.code_version import code_hash

VECTORS = Path(__file__).parents[1] / "vectors/provenance"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """`one` imports `two` and `_three`; `two` imports `one` back; `four` stands alone."""
    return Path(shutil.copytree(VECTORS, tmp_path / "experiments"))


def test_the_deck_and_the_server_agree_on_it() -> None:
    hashes = json.loads((VECTORS / "hashes.json").read_text())
    assert {name: code_hash(VECTORS, name) for name in hashes} == hashes


@pytest.mark.parametrize("changed", ["one", "two", "_three"])
def test_an_experiments_hash_changes_with_each_file_that_it_imports(
    directory: Path, changed: str
) -> None:
    before = code_hash(directory, "one")
    path = directory / f"{changed}.py"
    path.write_text(path.read_text() + "y = 2\n")
    assert code_hash(directory, "one") != before


def test_what_it_does_not_import_is_not_its_code(directory: Path) -> None:
    before = code_hash(directory, "one")
    (directory / "four.py").write_text("import os\n")
    assert code_hash(directory, "one") == before


def test_a_file_that_is_not_there_is_an_error(directory: Path) -> None:
    (directory / "_three.py").unlink()
    with pytest.raises(OSError, match="_three"):
        code_hash(directory, "one")
