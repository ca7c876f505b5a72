"""The deck's outline, `deck.json`: its slides, what each runs and for how long.

docs/deck-json.md describes it. It is written by `scripts/setup/outline.mjs`, at each build and by
`npm run outline`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from demo_server.system.demo_error import DemoError
from demo_server.system.digest import unchanged

OUTLINE = "deck.json"
_WRITE_IT = "Run npm start, which builds the deck, or npm run outline."


class OutlineError(DemoError):
    """There is no outline that can be used: why, and what to do."""


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class ShownRegion(_Model):
    file: str = Field(description="from the root of the checkout")
    region: str


class Slide(_Model):
    number: int
    title: str
    chapter: str = Field(description="its Markdown file, from slides/")
    layout: str
    seconds: int | None = Field(description="how long it is talked about")
    in_talk: bool = Field(description="false behind the last slide of the talk")
    experiment: str | None = Field(description="whose run it shows")
    starts: bool = Field(description="it has the controls that start that run")
    params: dict[str, Any] = Field(description="what that run differs in from the defaults")
    regions: list[ShownRegion]
    clicks: int
    drawing: bool
    notes: str


class Outline(_Model):
    format: Literal[1]
    sources: dict[str, str] = Field(
        min_length=1, description="what it was read from, each with its SHA-256"
    )
    slides: list[Slide]

    @property
    def experiments(self) -> list[str]:
        """The experiments whose runs are shown, in the order of their slides, each once."""
        return list(dict.fromkeys(slide.experiment for slide in self.slides if slide.experiment))


def read_outline(dist: Path, root: Path) -> Outline:
    """Read the outline of the deck in `dist`, which is built from the checkout in `root`.

    Raises:
        OutlineError: it is not there, not whole, or older than the slides.
    """
    path = dist / OUTLINE
    try:
        outline = Outline.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OutlineError(f"There is no {path.name} in {dist}.", remedy=_WRITE_IT) from None
    except (OSError, ValidationError) as error:
        raise OutlineError(f"{path} cannot be read: {error}.", remedy=_WRITE_IT) from error
    if not unchanged(root, outline.sources):
        raise OutlineError(
            f"{path} is older than the slides or the code that they show.", remedy=_WRITE_IT
        )
    return outline
