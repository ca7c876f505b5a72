"""What every frame and event is: a strict model."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frame(BaseModel):
    """A strict frame: an unknown field is an error, not something to ignore."""

    model_config = ConfigDict(extra="forbid")
