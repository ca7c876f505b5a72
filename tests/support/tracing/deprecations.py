"""Notes each deprecation warning of the libraries that the experiments teach, in any process.

Python shows few of them, and in a worker nobody would read them; each is a line of JSON in
`DEMO_TRACE_DIRECTORY/deprecations`.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from typing import Any

LIBRARIES = {"ray", "datasets", "sentence_transformers", "transformers", "torch"}
KINDS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
FILE = "deprecations"


def install(directory: str) -> None:
    """Have this process append to the file in `directory` what it would else not show."""
    show = warnings.showwarning

    def note(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: Any
    ) -> None:
        if not issubclass(category, KINDS):
            show(message, category, filename, lineno, *rest)
            return
        library, theirs = emitter(), "site-packages" in filename
        # What a library does inside, blaming a line of its own, is not what we teach.
        if library.partition(".")[0] in LIBRARIES and not theirs:
            noted = {"by": library, "at": f"{filename}:{lineno}", "message": str(message)}
            with open(os.path.join(directory, FILE), "a") as file:
                file.write(json.dumps(noted) + "\n")

    warnings.showwarning = note
    for kind in KINDS:
        warnings.simplefilter("default", kind)


def emitter() -> str:
    """Return the module that warns, whichever line it blames."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals.get("__name__") in ("warnings", __name__):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__"))
