"""The root of every error of ours; the tree grows in `protocol.errors`."""

from __future__ import annotations

import copyreg
from typing import Any


class DemoError(Exception):
    """What is wrong and what to do about it.

    Attributes:
        message: what is wrong, in a sentence.
        field: the parameter, setting or column at fault, None where there is none.
        remedy: what to do, in a sentence, None where the message has it.
    """

    def __init__(self, message: str, field: str | None = None, remedy: str | None = None) -> None:
        super().__init__(f"{message} {remedy}" if remedy else message)
        self.message, self.field, self.remedy = message, field, remedy

    def __reduce__(self) -> tuple[Any, ...]:
        # By default the copy's class gets `args`, the whole sentence, for its own parameters.
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class SettingsError(DemoError):
    """An option or variable that cannot be used: which one, and what it may be."""
