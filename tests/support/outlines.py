"""Outlines of decks for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from demo_server.system.digest import digest
from demo_server.system.outline import OUTLINE, Outline, Slide


def slide(**fields: Any) -> Slide:
    """Return a slide of the talk; `fields` say what it has in addition to a title."""
    plain = {
        "number": 1,
        "title": "A slide",
        "chapter": "slides.md",
        "layout": "default",
        "seconds": None,
        "in_talk": True,
        "experiment": None,
        "starts": False,
        "params": {},
        "regions": [],
        "clicks": 0,
        "drawing": False,
        "notes": "",
    }
    return Slide(**plain | fields)


def write_outline(dist: Path, root: Path, slides: list[Slide]) -> None:
    """Write the outline of a deck in `dist`, as read from what `root` has now."""
    sources = {path: digest(root, [path]) for path in ("slides", "demo_server/experiments")}
    outline = Outline(format=1, sources=sources, slides=slides)
    dist.mkdir(exist_ok=True)
    (dist / OUTLINE).write_text(outline.model_dump_json(by_alias=True))
