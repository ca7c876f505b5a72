"""The deck's outline, as Node writes it and Python reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo_server.system.checkout import ROOT
from demo_server.system.outline import OUTLINE, Outline, OutlineError, read_outline
from tests.support.outlines import slide, write_outline


def test_what_node_writes_of_this_deck_is_read_whole(
    built_outline: Outline, tmp_path: Path
) -> None:
    (tmp_path / OUTLINE).write_text(built_outline.model_dump_json(by_alias=True))
    assert read_outline(tmp_path, ROOT) == built_outline
    assert built_outline.experiments[:4] == ["dataset", "peek", "embed", "show"]


def test_a_change_of_any_shown_file_makes_the_outline_stale(built_outline: Outline) -> None:
    shown = {region.file for slide in built_outline.slides for region in slide.regions}
    assert any(file.startswith("demo_server/embedding/") for file in shown)
    for file in shown:
        assert any(file.startswith(f"{source}/") for source in built_outline.sources), file


def test_each_shown_region_is_in_its_file(built_outline: Outline) -> None:
    shown = [region for slide in built_outline.slides for region in slide.regions]
    assert shown
    for region in shown:
        assert f"# region {region.region}\n" in (ROOT / region.file).read_text()


def test_an_outline_that_is_not_there_or_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutlineError, match=r"There is no deck\.json"):
        read_outline(tmp_path, ROOT)
    (tmp_path / OUTLINE).write_text("{}")
    with pytest.raises(OutlineError, match="cannot be read"):
        read_outline(tmp_path, ROOT)


def test_an_outline_older_than_a_slide_is_refused(tmp_path: Path) -> None:
    root, dist = tmp_path / "root", tmp_path / "dist"
    (root / "slides").mkdir(parents=True)
    write_outline(dist, root, [slide()])
    assert read_outline(dist, root).slides == [slide()]
    (root / "slides" / "slides.md").write_text("# New")
    with pytest.raises(OutlineError, match="older"):
        read_outline(dist, root)
