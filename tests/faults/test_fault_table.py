"""How `npm run faults` and `npm run stress` keep what they saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults import __main__ as faults
from tests.faults import document
from tests.faults.deaths import Fault
from tests.faults.outcome import Outcome
from tests.load import document as stress_document


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "RELIABILITY.md"
    monkeypatch.setattr(document, "DOCUMENT", path)
    monkeypatch.setattr(document, "commit", lambda _: "c0ffee")
    document.begin()
    return path


def seen(after_s: float = 0.5) -> Outcome:
    return Outcome("failed: it died", after_s, 2.0, 9.0, left=[])


def lines(page: Path) -> list[str]:
    return [text for text in page.read_text().splitlines() if text.startswith("| ")][2:]


def test_a_fault_replaces_its_own_line_and_leaves_the_others_and_the_words(page: Path) -> None:
    for what in ("an actor", "the driver"):
        document.keep(document.row(what, seen()))
    page.write_text(page.read_text() + "\nA sentence of somebody's.\n")
    document.keep(document.row("an actor", seen(after_s=7.0)))
    first, second = lines(page)
    assert first.startswith("| an actor | failed: it died | 7.0 s (bar 2 s) |")
    assert "**missed**: shown within 2.0 s" in first
    assert second.startswith("| the driver | failed: it died | 0.5 s (bar 2 s) |")
    assert "| ok |" in second
    assert page.read_text().endswith("\nA sentence of somebody's.\n")


def test_a_full_run_forgets_the_lines_before_it(page: Path) -> None:
    document.keep(document.row("an actor", seen()))
    document.begin()
    assert lines(page) == []


class NoStage:
    """Stands for a server, so that the program itself can be made to fail."""

    ended = 0
    outage_s = 0.0

    async def ready(self) -> None: ...

    async def watch_health(self) -> None: ...

    async def end(self) -> list[str]:
        NoStage.ended += 1
        return []


async def test_a_fault_that_cannot_be_performed_is_reported_and_the_next_is_performed(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(_: Any) -> Outcome:
        raise AssertionError("event 4 follows 2")

    async def recovers(_: Any) -> Outcome:
        return seen()

    local = {"first": Fault("the first", breaks), "second": Fault("the second", recovers)}
    monkeypatch.setattr(NoStage, "ended", 0)
    monkeypatch.setattr(faults, "Stage", NoStage)
    monkeypatch.setattr(faults, "LOCAL", local)
    monkeypatch.setattr(faults, "WHAT", {name: fault.what for name, fault in local.items()})
    outcomes = await faults.perform(["first", "second"])
    assert outcomes["first"].missed == ["not performed: AssertionError event 4 follows 2"]
    assert outcomes["second"].missed == []
    first, second = lines(page)
    assert "not performed: AssertionError event 4 follows 2" in first
    assert second.startswith("| the second | failed: it died |")
    assert NoStage.ended == 2, "the next one gets a server of its own"


def test_cycles_replace_the_line_of_fewer_cycles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "STRESS.md"
    path.write_text(
        "| storm, seed 11 | 0 gaps | 0 | ok |\n| 20 start/cancel cycles | x | | |\nEnd.\n"
    )
    monkeypatch.setattr(stress_document, "DOCUMENT", path)
    monkeypatch.setattr(stress_document, "commit", lambda _: "c0ffee")
    stress_document.keep("200 start/cancel cycles", "open files: 9, 30", "as before", ["30 files"])
    storm, cycles, end = path.read_text().splitlines()
    assert (storm, end) == ("| storm, seed 11 | 0 gaps | 0 | ok |", "End.")
    assert cycles.startswith("| 200 start/cancel cycles | open files: 9, 30 (")
    assert cycles.endswith(", c0ffee) | as before | **missed**: 30 files |")
