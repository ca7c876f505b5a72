"""Where this checkout keeps what it reads and writes."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parent
EXPERIMENTS = PACKAGE / "experiments"
BUNDLED_DATA = ROOT / "data" / "wordnet"
CACHE = ROOT / ".cache"
