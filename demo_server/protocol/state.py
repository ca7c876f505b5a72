"""What a run folds to: the state that a slide shows, as the table of event kinds asks for it."""

from __future__ import annotations

from types import GenericAlias
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field, create_model

from demo_server.protocol.base import Frame
from demo_server.protocol.event_kinds import KINDS
from demo_server.protocol.events import StatusData

Data = TypeVar("Data", bound=Frame)


class _Stage(Frame):
    """What one stage has come to: a field for what a kind replaces, a list for what it appends."""

    def newest(self, data: type[Data]) -> Data | None:
        """Return the newest `data` of the kind that carries this model; None before the first."""
        field = next(kind.replaces for kind in KINDS.values() if kind.data is data)
        found: Data | None = getattr(self, str(field))
        return found


def _fields() -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for kind in KINDS.values():
        if kind.of_run:
            continue
        if kind.replaces:
            fields[kind.replaces] = (kind.data | None, None)
        if append := kind.appends:
            fields[append.to] = (GenericAlias(list, append.item), Field(default_factory=list))
            if append.seen:
                fields[append.seen] = (int, 0)
            if append.stride:
                words = f"every stride-th of {append.to} is kept"
                fields[append.stride] = (int, Field(default=1, description=words))
    return fields


if TYPE_CHECKING:
    StageState = _Stage
else:
    StageState = create_model(
        "StageState", __base__=_Stage, __module__=__name__, __doc__=_Stage.__doc__, **_fields()
    )


class RunState(Frame):
    seq: int = 0
    t: int = 0
    status: StatusData | None = None
    stages: dict[str, StageState] = Field(
        default_factory=dict, description="by stage, '' where an event names none"
    )
