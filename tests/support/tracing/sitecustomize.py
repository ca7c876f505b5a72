"""Put on PYTHONPATH by the tests: notes which lines of the experiments run, in any process, and
which deprecation warnings come.

Only the experiments are rewritten, with a call in front of each statement, so that nothing else
becomes slower. The driver is killed and actors are in processes of Ray's, hence a file.
"""

from __future__ import annotations

import ast
import builtins
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType

import deprecations

PACKAGE = "demo_server.experiments."
DIRECTORY = os.environ.get("DEMO_TRACE_DIRECTORY")


class Noting(ast.NodeTransformer):
    """Puts `__ran__(line)` in front of each statement of a function or class."""

    def visit_body(self, body: list[ast.stmt], name: str) -> list[ast.stmt]:
        noted: list[ast.stmt] = []
        for statement in body:
            call = ast.parse(f"__ran__({name!r}, {statement.lineno})").body[0]
            future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
            docstring = isinstance(statement, ast.Expr) and isinstance(
                statement.value, ast.Constant
            )
            for node in ast.walk(call):
                ast.copy_location(node, statement)
            noted += [statement] if future or docstring else [call, statement]
        return noted


class Loader(importlib.machinery.SourceFileLoader):
    def source_to_code(self, data: bytes, path: str) -> CodeType:  # type: ignore[override]
        tree = ast.parse(data, path)
        noting, name = Noting(), Path(path).stem
        for node in ast.walk(tree):
            for field in ("body", "orelse", "finalbody"):
                body = getattr(node, field, None)
                if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
                    setattr(node, field, noting.visit_body(body, name))
        return compile(tree, path, "exec")

    def get_code(self, fullname: str) -> CodeType:  # never from, nor into, the bytecode cache
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(PACKAGE):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.origin is not None:
            spec.loader = Loader(fullname, spec.origin)
        return spec


def ran(name: str, line: int, seen: set[tuple[str, int]] = set()) -> None:  # noqa: B006
    if (name, line) not in seen:
        seen.add((name, line))
        with open(os.path.join(str(DIRECTORY), name), "a") as file:
            file.write(f"{line}\n")


if DIRECTORY:
    deprecations.install(DIRECTORY)
    builtins.__ran__ = ran  # type: ignore[attr-defined]
    sys.meta_path.insert(0, Finder())
