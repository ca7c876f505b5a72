"""docs/adding.md: an engine, added to a copy as the page describes, is offered and embeds."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo_server.system.checkout import PACKAGE, ROOT

PAGE = ROOT / "docs" / "adding.md"
BLOCK = re.compile(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def add(copy: Path, language: str, file: str, text: str) -> None:
    """Write a block of the page into the file that its title names."""
    path = copy / file
    if language != "diff":
        path.write_text(text, encoding="utf-8")
        return
    lines, at = path.read_text(encoding="utf-8").splitlines(), 0
    for line in text.splitlines():
        if line.startswith("+"):
            lines.insert(at, line[1:])
            at += 1
        else:
            at = lines.index(line[1:], at) + 1
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package with the page's engine in it."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=ignored)
    (tmp_path / "data").symlink_to(ROOT / "data")
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert [file for _, file, _ in blocks] == [
        "demo_server/embedding/letters.py",
        "demo_server/embedding/registry.py",
    ]
    for block in blocks:
        add(tmp_path, *block)
    return tmp_path


def python(copy: Path, *words: str) -> str:
    """Run Python on the copy and return what it prints."""
    done = subprocess.run(
        [sys.executable, *words], cwd=copy, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_added_engine_is_offered_by_the_experiment(copy: Path) -> None:
    described = json.loads(python(copy, "-m", "demo_server.driver.describe", "{}"))
    assert described["errors"] == []
    [embed] = [one for one in described["experiments"] if one["name"] == "embed"]
    assert "LetterEmbedder" in json.dumps(embed["schema"])


def test_the_added_engine_embeds_the_texts_of_a_batch(copy: Path) -> None:
    program = (
        "import pyarrow as pa\n"
        "from demo_server.embedding.registry import find\n"
        "row = find('LetterEmbedder')\n"
        "embedder = row.embedder(model='', column='text', threads=1)\n"
        "vectors = embedder(pa.table({'text': ['a cab', 'zoo']}))['embedding']\n"
        "first, last = vectors.to_pylist()\n"
        "print(row.imports, vectors.type, first[:3], last[-1])"
    )
    assert python(copy, "-c", program).strip() == (
        "('pyarrow',) fixed_size_list<item: float>[26] [2.0, 1.0, 1.0] 1.0"
    )
