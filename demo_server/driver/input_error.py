"""An input that can't be used, said so that a person knows what to do next."""

from __future__ import annotations


class InputError(ValueError):
    """`field` is the setting or column at fault, `message` a sentence, `remedy` another one."""

    def __init__(self, field: str, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.field = field
        self.message = message
        self.remedy = remedy
