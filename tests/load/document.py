"""The results in docs/STRESS.md: one line for each scenario."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from tests.faults.document import commit, line
from tests.faults.stage import ROOT

DOCUMENT = ROOT / "docs" / "STRESS.md"


def keep(what: str, seen: str, bar: str, faults: list[str]) -> None:
    """Replace the line of the same scenario, which ends in the same words, in the document.

    `what` is a number and words, e.g. `200 start/cancel cycles`.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    when = f"{now} UTC, load {os.getloadavg()[1]:.1f}, {commit(DOCUMENT)}"
    verdict = f"**missed**: {'; '.join(faults[:3])}" if faults else "ok"
    words = what.partition(" ")[2]
    lines = DOCUMENT.read_text().splitlines()
    place = next(n for n, text in enumerate(lines) if text.split(" | ")[0].endswith(f" {words}"))
    lines[place] = line([what, f"{seen} ({when})", bar, verdict])
    DOCUMENT.write_text("\n".join(lines) + "\n")
