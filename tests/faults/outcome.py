"""What came of a fault, and the table of all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq

from tests.faults.stage import Stage

SHOWN_S = 2.0
HANG_S = 15.0
NEXT_ROW_S = 15.0
OUTAGE_S = 3.0
MOST_WORDS = 300


@dataclass
class Outcome:
    """One line of the table; `bar_s` None: there is none for when it is shown.

    `after_s` and `next_row_s` are None where the fault could not be performed.
    """

    shown: str
    after_s: float | None
    bar_s: float | None
    next_row_s: float | None
    left: list[str]
    faults: list[str] = field(default_factory=list)
    server: str = "up"
    remark: str = ""
    outage_s: float = 0.0

    @property
    def missed(self) -> list[str]:
        """Return which bars it misses, in words."""
        checks = [
            (_exceeds(self.after_s, self.bar_s), f"shown within {self.bar_s} s"),
            (_exceeds(self.next_row_s, NEXT_ROW_S), f"next row within {NEXT_ROW_S:.0f} s"),
            (self.outage_s > OUTAGE_S, f"server back within {OUTAGE_S:.0f} s"),
            (bool(self.left), "no process left"),
        ]
        return [*self.faults, *(bar for missed, bar in checks if missed)]


def _exceeds(seconds: float | None, bar: float | None) -> bool:
    return seconds is not None and bar is not None and seconds > bar


def not_performed(error: Exception) -> Outcome:
    """Return the line of a fault that the program itself could not do."""
    why = " ".join(f"{type(error).__name__} {error}".split())[:MOST_WORDS]
    return Outcome("", None, None, None, left=[], faults=[f"not performed: {why}"])


def check_rows(stage: Stage, run_id: str, rows: int, end: dict[str, Any]) -> list[str]:
    """Return what is wrong with the result of a run that must have gone on to its end."""
    if end["data"]["status"] != "succeeded":
        return [f"it ended as {end['data']}"]
    ids = pq.read_table(stage.cache / "runs" / run_id / "result.parquet")["id"].to_pylist()
    if len(ids) == len(set(ids)) == rows:
        return []
    return [f"{len(ids)} rows came, {len(set(ids))} different ones, of {rows}"]
