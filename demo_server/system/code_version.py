"""Which code runs: of all experiments, and of one."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from demo_server.system.checkout import PACKAGE

# A change here needs a new driver; what comes before the driver's first line needs a new server.
CODE = [
    PACKAGE / name
    for name in (
        "driver",
        "experiments",
        "toolkit",
        "embedding",
        "data",
        "ray_internals",
        "protocol",
    )
]
# slides/setup/code-hashes.ts reads the same.
IMPORT = re.compile(
    r"^from demo_server\.experiments(?:\.([\w.]+) import| import (.+))", re.MULTILINE
)


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
            texts[module] = (directory / f"{module.replace('.', '/')}.py").read_text(
                encoding="utf-8"
            )
            found += imported(texts[module])
    return hashlib.sha256("".join(texts[module] for module in sorted(texts)).encode()).hexdigest()


def imported(text: str) -> list[str]:
    """Return the names of the experiments' modules that a file imports."""
    names = [module or several for module, several in IMPORT.findall(text)]
    return [name.split(" as ")[0].strip() for several in names for name in several.split(",")]


def code_files() -> list[Path]:
    """Return the files whose change makes a new driver necessary."""
    return sorted(path for directory in CODE for path in directory.rglob("*.py"))


def code_version() -> tuple[tuple[str, int, int], ...]:
    """Return something that changes with the code; cheap enough for every start."""
    found = []
    for path in code_files():
        try:
            stat = path.stat()
        except OSError:
            continue  # removed since it was listed: the next call sees that
        found.append((str(path.relative_to(PACKAGE)), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
