"""A rehearsal: its schedule, read from the slides, and its runs, on real Ray."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from demo_server.cli import rehearse
from demo_server.cli.rehearse import Slot, compare_time, schedule
from demo_server.system.outline import Outline
from demo_server.system.settings import Settings
from tests.support.outlines import slide, write_outline
from tests.support.prepared_cache import prepare


def test_the_schedule_is_the_talk_in_its_order(built_outline: Outline) -> None:
    runs = [slot.experiment for slot in schedule(built_outline)]
    assert runs == ["dataset", "peek", "embed", "show", "out_of_memory", "shutdown"]


def test_a_slide_that_starts_no_run_and_one_behind_the_talk_have_no_slot() -> None:
    slides = [
        slide(experiment="dataset", starts=True, seconds=70, params={"blocks": 2}),
        slide(experiment="dataset", starts=False, seconds=45),
        slide(experiment=None, starts=False, seconds=30),
        slide(experiment="race", starts=True, seconds=30, in_talk=False),
    ]
    outline = Outline(format=1, sources={"slides": ""}, slides=slides)
    assert schedule(outline) == [Slot("dataset", 70, {"blocks": 2})]


def test_a_run_that_is_longer_than_its_slide_is_a_problem() -> None:
    assert compare_time(Slot("embed", 160), 41.0).ok
    late = compare_time(Slot("embed", 160), 200.0)
    assert not late.ok
    assert "200 s of the 160 s" in late.message


async def test_a_rehearsal_without_an_outline_names_the_command_that_writes_one(
    tmp_path: Path,
) -> None:
    settings = Settings(cache=tmp_path, dist=tmp_path / "dist")
    [finding] = [finding async for finding in rehearse.rehearse(settings, tmp_path)]
    assert not finding.ok
    assert "npm run outline" in finding.message


async def test_a_rehearsal_runs_each_slide_compares_its_time_and_records_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    slides = [
        slide(experiment="dataset", starts=True, seconds=3600),  # however slow this machine
        slide(experiment="show", starts=True, seconds=3600),
    ]
    write_outline(tmp_path / "dist", root, slides)
    settings = Settings(cache=tmp_path / "cache", dist=tmp_path / "dist")
    prepare(settings.cache)
    found = [finding async for finding in rehearse.rehearse(settings, root)]
    assert [(finding.name, finding.ok) for finding in found] == [("dataset", True), ("show", False)]
    assert "run embed first" in found[1].message.lower() or "embed" in found[1].message
    path = root / "public" / "recordings" / "dataset.jsonl"
    header, *events = [json.loads(text) for text in path.read_text().splitlines()]
    assert header["experiment"]["name"] == "dataset"
    assert events[-1]["data"]["status"] == "succeeded"
    shutil.rmtree(settings.cache)
