"""Names that belong to Ray alone: which of them a file of ours uses, and what one is."""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PRIVATE = re.compile(r"ray\.(_private|_raylet|data\._internal|core\.generated|scripts)\b[\w.]*")


def private(name: str, user: str) -> Any:
    """Return what Ray has under a name; a test fails that asks for one that is gone.

    Args:
        user: the file of ours that uses it, from the root.
    """
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError) as error:
        pytest.fail(f"Ray has no {name} any more ({error}): look at {user}.")


def private_names(path: Path) -> set[str]:
    """Return each private name of Ray in a file: imported, as an attribute, or as a string."""
    found = {name for node in ast.walk(ast.parse(path.read_text())) for name in names_in(node)}
    return {name for name in found if PRIVATE.fullmatch(name)}


def names_in(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(module), names=names):
            yield from (f"{module}.{alias.name}" for alias in names)
        case ast.Attribute():
            yield ast.unparse(node)
        case ast.Constant(value=str(text)):
            yield text
