"""Whether the cells of a column of text are numbers, in the spelling that these have anyway."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

INTEGER = r"^(0|-?[1-9][0-9]{0,18})$"
FLOAT = r"^-?(0|[1-9][0-9]*)\.[0-9]+$"
EXACT = 2**53  # integers up to it have a float each


@dataclass
class Spelling:
    """What the values of a column, seen so far, are all spelled as."""

    text: bool = False
    fraction: bool = False
    whole: bool = False
    wide: bool = False  # an integer that no float is

    def merged(self, other: Spelling) -> Spelling:
        return Spelling(
            self.text | other.text,
            self.fraction | other.fraction,
            self.whole | other.whole,
            self.wide | other.wide,
        )

    def type(self) -> pa.DataType:
        if self.text or (self.fraction and self.wide):
            return pa.string()
        return pa.float64() if self.fraction else pa.int64() if self.whole else pa.null()

    def take(self, values: pa.Array) -> None:
        """Take further values, which are strings."""
        if self.text or values.null_count == len(values):
            return
        values = values.drop_null()
        integers = pc.match_substring_regex(values, INTEGER)
        others = values.filter(pc.invert(integers))
        if len(others) < len(values):
            self.whole = True
            try:
                whole = values.filter(integers).cast(pa.int64())
            except pa.ArrowInvalid:
                self.text = True
                return
            self.wide |= pc.max(pc.abs_checked(whole)).as_py() > EXACT
        if len(others):
            self.fraction = True
            numbers = pc.all(pc.match_substring_regex(others, FLOAT)).as_py()
            self.text = not numbers or any(repr(float(v)) != v for v in others.to_pylist())
