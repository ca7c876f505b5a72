"""A deprecation warning in a driver or worker is not overlooked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.trace import deprecations, environment

PROGRAM = """
import warnings

for module in ("ray.data.dataset", "sentence_transformers.models", "some.other.library"):
    for kind in (DeprecationWarning, FutureWarning, UserWarning):
        code = f"warnings.warn('{kind.__name__} of {module}', {kind.__name__}, stacklevel=2)"
        exec(code, {"__name__": module, "warnings": warnings})
"""


def test_deprecations_of_the_taught_libraries_are_noted_and_nothing_else(tmp_path: Path) -> None:
    env = {**os.environ, **environment(tmp_path)}
    shown = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, check=True, capture_output=True, text=True
    )
    noted = [(one["by"], one["message"]) for one in deprecations(tmp_path)]
    assert noted == [
        (module, f"{kind} of {module}")
        for module in ("ray.data.dataset", "sentence_transformers.models")
        for kind in ("DeprecationWarning", "FutureWarning")
    ]
    assert shown.stderr.count("UserWarning: UserWarning of") == 3
