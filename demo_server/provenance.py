"""Which code an experiment is: its file and those beside it that it imports."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

# slides/setup/code-hashes.ts reads the same.
IMPORT = re.compile(r"^from demo_server\.experiments(?:\.(\w+) import| import (.+))", re.MULTILINE)


def code_hash(directory: Path, name: str) -> str:
    """Return the sha256 of an experiment's code, as hexadecimal digits.

    That is its file and the files in `directory` that it imports, these ones' imports too, in the
    order of their names.

    Raises:
        OSError: one of the files cannot be read.
    """
    texts: dict[str, str] = {}
    found = [name]
    while found:
        module = found.pop()
        if module not in texts:
            texts[module] = (directory / f"{module}.py").read_text(encoding="utf-8")
            found += imported(texts[module])
    return hashlib.sha256("".join(texts[module] for module in sorted(texts)).encode()).hexdigest()


def imported(text: str) -> list[str]:
    """Return the names of the experiments' modules that a file imports."""
    names = [module or several for module, several in IMPORT.findall(text)]
    return [name.split(" as ")[0].strip() for several in names for name in several.split(",")]
