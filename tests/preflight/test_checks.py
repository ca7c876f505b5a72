"""The preflight checks: each where all is well, and each where it finds a problem."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from demo_server.preflight import checks
from demo_server.preflight.checks import Serving
from demo_server.protocol.findings import Finding
from demo_server.protocol.frames import ServerStatus
from demo_server.system.checkout import ROOT
from demo_server.system.code_version import code_hash
from demo_server.system.settings import Inputs, Settings
from tests.support.bounds import HANG_S
from tests.support.outlines import slide, write_outline

READY = Serving("http://localhost:8000", ServerStatus.READY, None, "http://192.0.2.7:8000", None)


def module(inputs: Inputs) -> dict[str, Finding]:
    done = subprocess.run(
        [sys.executable, "-m", "demo_server.driver.inputs", inputs.model_dump_json()],
        capture_output=True,
        text=True,
        check=True,
        timeout=HANG_S,
        env={**os.environ, "HF_HUB_OFFLINE": "0"},
    )
    found = checks.Findings.model_validate_json(done.stdout.splitlines()[-1]).findings
    return {finding.name: finding for finding in found}


def test_the_bundled_data_and_model_load_without_a_network() -> None:
    found = module(Inputs())
    assert all(finding.ok for finding in found.values()), found
    assert "rows of wordnet" in found["data"].message
    assert "384 numbers" in found["model"].message


def test_missing_data_and_a_model_that_is_not_cached_are_named(tmp_path: Path) -> None:
    found = module(Inputs(dataset=str(tmp_path / "none.parquet"), model="someone/not-here"))
    assert not found["data"].ok
    assert "none.parquet" in found["data"].message
    assert "someone/not-here" in found["model"].message
    assert "Connect once" in (found["model"].remedy or "")
    assert not found["offline"].ok


def test_a_connection_to_another_machine_is_refused_and_reported() -> None:
    program = """
import json, socket
from demo_server.driver.inputs import close_network, offline
refused = close_network()
for request in (lambda: socket.getaddrinfo("example.org", 80),
                lambda: socket.create_connection(("192.0.2.1", 80), 1)):
    try:
        request()
    except OSError as error:
        assert "no network" in str(error)
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listener.getsockname()).close()
print(offline(refused, True).model_dump_json())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    finding = Finding.model_validate_json(done.stdout or done.stderr)
    assert not finding.ok
    assert "192.0.2.1, example.org" in finding.message


def test_a_port_in_use_is_named_unless_our_own_server_uses_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        assert not checks.port(number, None).ok
        assert checks.port(number, READY).ok
    assert checks.port(number, None).ok


def test_too_little_memory_or_disk_is_reported_in_gigabytes() -> None:
    assert checks.memory(8e9, False).ok
    assert checks.memory(1.5e9, True).ok
    assert not checks.memory(1.5e9, False).ok
    assert "1.5 GB" in checks.memory(1.5e9, False).message
    assert checks.disk(3e9).ok
    assert not checks.disk(0.4e9).ok


def copy_of_the_deck(sources: Iterable[str], to: Path) -> Path:
    for source in sources:
        place = to / source
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place)
        else:
            shutil.copy(ROOT / source, place)
    return to


@pytest.mark.parametrize("changed", ["slides/slides.md", "demo_server/embedding/fast.py"])
def test_the_deck_is_current_as_its_build_has_it_and_stale_when_what_it_shows_changes(
    tmp_path: Path, changed: str
) -> None:
    program = (
        "import { digests } from './scripts/setup/stamp.mjs'\n"
        "import { SOURCES } from './scripts/setup/deck.mjs'\n"
        "console.log(JSON.stringify(digests(SOURCES)))"
    )
    node = ["node", "--input-type=module", "-e", program]
    done = subprocess.run(node, cwd=ROOT, capture_output=True, text=True, check=True)
    built = json.loads(done.stdout)
    root, dist = copy_of_the_deck(built, tmp_path / "root"), tmp_path / "dist"
    assert "not built" in checks.deck(dist, root).message
    dist.mkdir()
    (dist / ".built.json").write_text("{}")
    assert "no record of" in checks.deck(dist, root).message
    (dist / ".built.json").write_text(json.dumps({"sources": built}))
    assert checks.deck(dist, root).ok
    with (root / changed).open("a") as file:
        file.write("\n")
    assert "older" in checks.deck(dist, root).message


@pytest.fixture
def deck_root(tmp_path: Path) -> Path:
    """A deck of one live slide, with its experiment and its recording."""
    root = tmp_path / "deck"
    for directory in ("public/recordings", "demo_server/experiments"):
        (root / directory).mkdir(parents=True)
    recording = "public/recordings/dataset.jsonl"
    shutil.copy(ROOT / recording, root / recording)
    header = json.loads((root / recording).read_text().splitlines()[0])
    experiment = root / "demo_server/experiments/dataset.py"
    shutil.copy(ROOT / "demo_server/experiments/dataset.py", experiment)
    # Whatever the shipped one was made of, this one is of this code.
    header["code_hash"] = code_hash(experiment.parent, "dataset")
    rest = (root / recording).read_text().splitlines()[1:]
    (root / recording).write_text("\n".join([json.dumps(header), *rest]) + "\n")
    write_outline(root / "dist", root, [slide(experiment="dataset")])
    return root


def test_a_complete_recording_of_the_current_code_is_ok(deck_root: Path) -> None:
    assert checks.recordings(deck_root / "dist", deck_root).ok


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda lines: [], "a line that is not valid"),
        (lambda lines: lines[:-1], "stops before the end"),
        (lambda lines: [*lines[:2], *lines[3:]], "has missing events"),
        (lambda lines: [*lines[:-1], lines[-1][:20]], "a line that is not valid"),
    ],
)
def test_an_incomplete_recording_is_named(deck_root: Path, spoil: object, why: str) -> None:
    path = deck_root / "public/recordings/dataset.jsonl"
    assert callable(spoil)
    path.write_text("\n".join(spoil(path.read_text().splitlines())) + "\n")
    finding = checks.recordings(deck_root / "dist", deck_root)
    assert why in finding.message
    assert "demo-server record dataset" in (finding.remedy or "")


def test_a_recording_of_older_code_and_a_missing_one_are_reported(deck_root: Path) -> None:
    with (deck_root / "demo_server/experiments/dataset.py").open("a") as file:
        file.write("\n")
    write_outline(deck_root / "dist", deck_root, [slide(experiment="dataset")])
    assert "was made by older code" in checks.recordings(deck_root / "dist", deck_root).message
    (deck_root / "public/recordings/dataset.jsonl").unlink()
    assert "has none" in checks.recordings(deck_root / "dist", deck_root).message


def test_ray_has_the_status_that_the_server_reports() -> None:
    assert checks.ray_of(READY).ok
    down = Serving("http://localhost:8000", ServerStatus.DEGRADED, "Ray did not start.", None, None)
    assert checks.ray_of(down).message == "Ray did not start."
    assert not checks.ray_of(down).ok


def test_a_shared_talk_needs_a_phone_that_has_opened_its_address() -> None:
    assert not checks.phone(READY).ok
    seen = Serving(READY.url, READY.status, None, READY.share_url, 1.0)
    assert checks.phone(seen).ok


async def test_data_that_cannot_be_checked_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    [finding] = await checks.data_and_model(Settings(cache=tmp_path))
    assert not finding.ok
