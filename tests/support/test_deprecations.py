"""A deprecation warning in a driver or worker is not overlooked."""

from __future__ import annotations

import json
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


MISTAKE = """
# region use_wrong
old()
# endregion use_wrong
old()
"""


def test_a_deprecation_in_code_shown_as_a_mistake_is_expected(tmp_path: Path) -> None:
    file = tmp_path / "shown.py"
    file.write_text(MISTAKE)
    noted = [{"by": "ray", "at": f"{file}:{line}", "message": "old"} for line in (3, 5)]
    (tmp_path / "deprecations").write_text("".join(json.dumps(one) + "\n" for one in noted))
    assert deprecations(tmp_path) == [noted[1]]
