"""What drivers and workers note in a directory, with `tracing` on their PYTHONPATH."""

from __future__ import annotations

import json
from pathlib import Path

TRACING = Path(__file__).with_name("tracing")


def environment(directory: Path) -> dict[str, str]:
    """Return the variables that make a process note the lines it runs and what it warns of."""
    return {"PYTHONPATH": str(TRACING), "DEMO_TRACE_DIRECTORY": str(directory)}


def deprecations(directory: Path) -> list[dict[str, str]]:
    """Return the deprecation warnings that were noted: `by` a module, `at` a line, a `message`."""
    noted = directory / "deprecations"
    return [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []
