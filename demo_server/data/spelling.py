"""Whether the cells of a column of text are numbers, in the spelling that these have anyway."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

INTEGER = r"^(0|-?[1-9][0-9]{0,18})$"
FLOAT = r"^-?(0|[1-9][0-9]*)\.[0-9]+$"
BOOLEANS = pa.array(["True", "False"])  # as Python and pandas write them
EXACT = 2**53  # integers up to it have a float each


@dataclass
class Spelling:
    """What the values of a column, seen so far, are spelled as; each may be so of some."""

    text: bool = False
    fraction: bool = False
    whole: bool = False
    boolean: bool = False
    wide: bool = False  # an integer that no float is
    empty: bool = False

    def merged(self, other: Spelling) -> Spelling:
        return Spelling(
            self.text or other.text,
            self.fraction or other.fraction,
            self.whole or other.whole,
            self.boolean or other.boolean,
            self.wide or other.wide,
            self.empty or other.empty,
        )

    @property
    def is_number(self) -> bool:
        mixed = self.text or self.boolean or (self.fraction and self.wide)
        return (self.fraction or self.whole) and not mixed

    def type(self) -> pa.DataType:
        """Return the type of the column in Arrow."""
        if self.is_number:
            return pa.float64() if self.fraction else pa.int64()
        if self.boolean and not (self.text or self.fraction or self.whole):
            return pa.bool_()
        anything = self.text or self.boolean or self.fraction or self.empty
        return pa.string() if anything else pa.null()

    def take(self, values: pa.Array) -> None:
        """Take further values, which are strings."""
        if self.text or values.null_count == len(values):
            return
        values = values.drop_null()
        empty = pc.equal(values, "")
        if pc.any(empty).as_py():
            self.empty = True
            values = values.filter(pc.invert(empty))
        booleans = pc.is_in(values, BOOLEANS)
        if pc.any(booleans).as_py():
            self.boolean = True
            values = values.filter(pc.invert(booleans))
        integers = pc.match_substring_regex(values, INTEGER)
        others = values.filter(pc.invert(integers))
        if len(others) < len(values):
            self.whole = True
            try:
                whole = values.filter(integers).cast(pa.int64())
                self.wide |= pc.max(pc.abs_checked(whole)).as_py() > EXACT
            except pa.ArrowInvalid:  # more digits than 64 bits have
                self.text = True
        if len(others):
            self.fraction = True
            numbers = pc.all(pc.match_substring_regex(others, FLOAT)).as_py()
            self.text |= not numbers or any(repr(float(v)) != v for v in others.to_pylist())
