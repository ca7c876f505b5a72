"""What drivers and workers note in a directory, with `tracing` on their PYTHONPATH."""

from __future__ import annotations

import json
from pathlib import Path

TRACING = Path(__file__).with_name("tracing")


def environment(directory: Path) -> dict[str, str]:
    """Return the variables that make a process note the lines it runs and what it warns of."""
    return {"PYTHONPATH": str(TRACING), "DEMO_TRACE_DIRECTORY": str(directory)}


def deprecations(directory: Path) -> list[dict[str, str]]:
    """Return the deprecation warnings that were noted: `by` a module, `at` a line, a `message`.

    Those of a region that is shown as a mistake are left out.
    """
    noted = directory / "deprecations"
    lines = noted.read_text().splitlines() if noted.exists() else []
    found: list[dict[str, str]] = [json.loads(line) for line in lines]
    return [one for one in found if not is_shown_mistake(one["at"])]


def is_shown_mistake(at: str) -> bool:
    """Return whether a line, as `file:number`, is in a region whose name ends with `_wrong`."""
    path, _, number = at.rpartition(":")
    if not Path(path).is_file():
        return False
    region = ""
    for line in Path(path).read_text().splitlines()[: int(number)]:
        words = line.split()
        if words[:2] == ["#", "region"]:
            region = words[2]
        elif words[:2] == ["#", "endregion"]:
            region = ""
    return region.endswith("_wrong")
