"""A rehearsal: its schedule, read from the slides, and its runs, on real Ray."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from demo_server.cli import rehearse
from demo_server.cli.rehearse import Slot, compare_time, schedule, slots_of
from demo_server.system.checkout import ROOT
from demo_server.system.settings import Settings
from tests.support.prepared_cache import prepare

CHAPTER = """
<LiveRun experiment="dataset">
<RunControls />
</LiveRun>

<!--
[1:10]
Say: this one starts a run.
-->

---

<LiveRun experiment="dataset">
<RunResult />
</LiveRun>

<!--
[0:45]
Say: this one only shows it.
-->

---

# No run here

<!--
[0:30]
-->
"""


def test_a_slide_that_starts_a_run_has_the_time_of_its_notes() -> None:
    assert slots_of(CHAPTER) == [Slot("dataset", 70)]


def test_the_schedule_is_the_main_path_of_the_deck_in_its_order() -> None:
    runs = [slot.experiment for slot in schedule(ROOT / "slides")]
    assert runs == ["dataset", "peek", "embed", "show", "out_of_memory", "shutdown"]


def test_a_run_that_is_longer_than_its_slide_is_a_problem() -> None:
    assert compare_time(Slot("embed", 160), 41.0).ok
    late = compare_time(Slot("embed", 160), 200.0)
    assert not late.ok
    assert "200 s of the 160 s" in late.message


async def test_a_rehearsal_runs_each_slide_compares_its_time_and_records_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    parts = root / "slides" / "parts"
    parts.mkdir(parents=True)
    (root / "slides" / "slides.md").write_text("---\nsrc: ./parts/data.md\n---\n")
    (parts / "data.md").write_text(CHAPTER + CHAPTER.replace("dataset", "show", 1))
    settings = Settings(cache=tmp_path / "cache")
    prepare(settings.cache)
    found = [finding async for finding in rehearse.rehearse(settings, root)]
    assert [(finding.name, finding.ok) for finding in found] == [("dataset", True), ("show", False)]
    assert "run embed first" in found[1].message.lower() or "embed" in found[1].message
    path = root / "public" / "recordings" / "dataset.jsonl"
    header, *events = [json.loads(text) for text in path.read_text().splitlines()]
    assert header["experiment"]["name"] == "dataset"
    assert events[-1]["data"]["status"] == "succeeded"
    shutil.rmtree(settings.cache)
