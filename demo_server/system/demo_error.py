"""The root of every error of ours; the tree grows in `protocol.errors`."""

from __future__ import annotations


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


class SettingsError(DemoError):
    """An option or variable that cannot be used: which one, and what it may be."""
