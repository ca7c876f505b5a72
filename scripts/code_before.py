"""What has to stand before a shown region for it to run: imports, definitions, and its inputs."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from demo_server.experiments.ladder import BLOCK_ROWS
from demo_server.system.checkout import ROOT
from demo_server.system.outline import Outline
from scripts.shown_code import region, regions_of

EXPERIMENTS = "demo_server/experiments"
EMBEDDER = "demo_server/embedding/sentence_transformer.py"
BATCHING = "demo_server/embedding/batching.py"
MEMORY_LIMIT = "demo_server/toolkit/memory_limit.py"
COPIED_ENGINE = "scripts/copied_engine.py"
# What they define is written out, and not imported: it needs public packages alone.
WRITTEN_OUT = (EMBEDDER, BATCHING, MEMORY_LIMIT, COPIED_ENGINE)

LOAD = """\
dataset = load_dataset(inputs.arguments)
dataset.info.dataset_name = None  # Ray takes these rows, not the hub's of that name"""
FILTER = "dataset = dataset.filter(has_text)"
HAS_TEXT = region(f"{EXPERIMENTS}/dataset.py", "blocks").partition("\n\n")[0]
SHUFFLE = """\
seed = params.seed
if seed:  # 0 keeps the order
    dataset = dataset.shuffle(seed=seed)"""
# Behind the indices of a selection Ray would get each row as a chunk of its own.
ONE_TABLE = "dataset = dataset.flatten_indices()"
SELECT = """\
rows = min(params.rows, len(dataset))
dataset = dataset.select(range(rows)).flatten_indices()"""

# The regions that stand for names of another file's.
SHOWN = {
    ("show", "ds"): ("embed", "pipeline"),
    ("show", "materialized"): ("embed", "materialize"),
}
# The files that define names otherwise than the file of a region has them.
INSTEAD = {"load_engine": COPIED_ENGINE, "EngineLoader": COPIED_ENGINE}
# What stands for a name that a region takes from the function around it: in one file, or in any.
GIVEN = {
    ("", "column"): "column = inputs.column",
    ("", "model"): "model = inputs.model",
    ("embed", "model"): "model = inputs.model\ninputs.engine_import",
    ("", "threads"): "threads = os.cpu_count() or 1  # for each actor",
    ("embed", "threads"): """\
threads = max(1, (os.cpu_count() or 1) // params.concurrency)  # for each actor""",
    ("", "gpus"): "gpus = 0  # for each actor: 1 where each has a GPU of its own",
    ("", "dataset"): f"{LOAD}\n{FILTER}\n{SELECT}",
    ("", "has_text"): HAS_TEXT,
    ("dataset", "dataset"): LOAD,
    ("embed", "dataset"): f"{LOAD}\n{FILTER}\n{SHUFFLE}\n{SELECT}",
    ("peek", "dataset"): f"{LOAD}\n{FILTER}\n{SHUFFLE}\n{ONE_TABLE}",
    ("ladder", "dataset"): f"{LOAD}\n{FILTER}\n{SELECT.replace('rows, len', 'most_rows, len')}",
    ("", "ds"): "ds = ray.data.from_huggingface(dataset)",
    ("ladder", "ds"): """\
ds = ray.data.from_huggingface(dataset).map_batches(
    TextEmbedder,
    fn_constructor_kwargs={"model": model, "column": column, "threads": threads},
    batch_size=256,
    batch_format="pyarrow",
    compute=ActorPoolStrategy(size=1),
    num_gpus=gpus,
).materialize()""",
    ("ladder", "path"): 'path = "result"',
    ("out_of_memory", "dataset"): f"{LOAD}\n{FILTER}\n{ONE_TABLE}",
    ("out_of_memory", "ds"): """\
ds = ray.data.from_huggingface(
    dataset.select(range(min(params.rows, len(dataset)))))""",
    ("out_of_memory", "limit"): """\
limit = {
    "limit_mb": params.limit_mb,
    "model": model, "column": column, "threads": threads,
}""",
    ("recovery", "recovery"): """\
class ReportingEmbedder(TextEmbedder):
    def __call__(self, batch: pa.Table) -> pa.Table:
        pids = pa.array([os.getpid()] * len(batch))
        return super().__call__(batch).append_column("pid", pids)


ds = ray.data.from_huggingface(dataset, override_num_blocks=params.blocks)
ds = ds.map_batches(
    ReportingEmbedder,
    fn_constructor_kwargs={"model": model, "column": column, "threads": threads},
    batch_size=params.batch_size,
    batch_format="pyarrow",
    compute=ActorPoolStrategy(size=1),
    num_gpus=gpus,
)
batches = iter(ds.iter_batches(batch_size=None, batch_format="pyarrow"))
recovery = SimpleNamespace(worker=next(batches)["pid"][0].as_py())
# While the actor goes on, call kill_worker({}), then read `batches` to their end.""",
    ("ladder_torch", "path"): "path = model",
    ("ladder_fast", "one_thread"): 'one_thread = {"model": model, "threads": 1}',
    ("ladder_fast", "all_cores"): 'all_cores = one_thread | {"threads": os.cpu_count() or 1}',
    ("ladder_fast", "blocks"): (
        f"blocks = max(1, len(few) // {BLOCK_ROWS})  # parts of {BLOCK_ROWS} rows"
    ),
}
# What the texts above import, where the file of a region doesn't.
IMPORTS = """\
import os
from types import SimpleNamespace
from typing import Any
import pyarrow as pa
import ray
from datasets import load_dataset
from ray.data import ActorPoolStrategy
from demo_server.embedding.sentence_transformer import TextEmbedder
"""
LARGE = ("class ", "def ", "@")


def carried(outline: Outline) -> dict[str, list[str]]:
    """Return the lines before each region that can be copied from a slide, by `file#region`.

    Code that moves on clicks has no button for it.
    """
    return {
        f"{shown.file}#{shown.region}": code_before(shown.file, shown.region).splitlines()
        for slide in outline.slides
        for shown in slide.regions
        if not shown.file.startswith(f"{EXPERIMENTS}/comparisons/")
    }


def code_before(file: str, name: str) -> str:
    """Return what has to stand before a region for it to run."""
    before = CodeBefore()
    before.add_needs(region(file, name), file, name)
    return str(before)


class CodeBefore:
    """Imports and definitions, each once and behind what it needs itself."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = {*known, *dir(builtins), "params", "inputs"}
        self._imports: set[tuple[str, str, str | None]] = set()
        self._definitions: list[str] = []

    def __str__(self) -> str:
        definitions = "".join(self._definitions[:1])
        for above, below in pairwise(self._definitions):
            definitions += _gap(above, below) + below
        imports = "\n\n".join(_import_blocks(self._imports))
        gap = "\n\n\n" if definitions.startswith(LARGE) else "\n\n"
        return gap.join(filter(None, (imports, definitions)))

    def add_needs(self, code: str, file: str, region: str | None = None) -> None:
        """Add what code of a file, or of one of its regions, needs.

        Raises:
            SystemExit: a name is not known.
        """
        if "params.engine" in code:
            self._add("TextEmbedder", EMBEDDER, None)
        for name in free_names(code):
            self._add(name, file, region)

    def _add(self, name: str, file: str, region: str | None) -> None:
        if name in self._known:
            return
        self._known.add(name)
        stem = Path(file).stem
        if code := GIVEN.get((stem, name)):
            self._define(code, file)
        elif shown := SHOWN.get((stem, name)):
            self._define_region(f"{EXPERIMENTS}/{shown[0]}.py", shown[1])
        elif name in INSTEAD and file != INSTEAD[name]:
            self._known.remove(name)
            self._add(name, INSTEAD[name], None)
        elif region and (earlier := _earlier(file, region, name)):
            self._define_region(file, earlier)
        elif not self._add_from((ROOT / file).read_text(encoding="utf-8"), name, file):
            if code := GIVEN.get(("", name)):
                self._define(code, file)
            elif not self._add_from(IMPORTS, name, file):
                raise SystemExit(
                    f"{file}: nothing defines {name!r}, which region {region} needs to run; "
                    "add a line for it to GIVEN in scripts/code_before.py."
                )

    def _add_from(self, text: str, name: str, file: str) -> bool:
        """Add what a module imports or defines under a name; return whether it does."""
        for node in ast.parse(text).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                source = node.module or "" if isinstance(node, ast.ImportFrom) else ""
                for alias in node.names:
                    if name != (alias.asname or alias.name):
                        continue
                    path = source.replace(".", "/") + ".py"
                    if path in WRITTEN_OUT:
                        self._known.remove(name)
                        self._add(name, path, None)
                    else:
                        self._imports.add((source, alias.name, alias.asname))
                    return True
            elif name == _definition(node):
                self._define(_with_decorators(text, node), file)
                return True
        return False

    def _define_region(self, file: str, name: str) -> None:
        code = region(file, name)
        self.add_needs(code, file, name)
        self._known |= bound_names(ast.parse(code))
        self._definitions.append(code)

    def _define(self, code: str, file: str) -> None:
        self.add_needs(code, file)
        self._definitions.append(code)


def free_names(code: str) -> list[str]:
    """Return the names that code reads and binds nowhere, in the order of the alphabet."""
    tree = ast.parse(code)
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return sorted(read - bound_names(tree))


def bound_names(tree: ast.AST) -> set[str]:
    """Return the names that are assigned, defined, imported or an argument somewhere in code."""
    bound = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.alias(name=name, asname=other):
                bound.add(other or name)
    return bound


def _definition(node: ast.stmt) -> str | None:
    """Return the name that a statement of a module defines."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return None


def _with_decorators(text: str, node: ast.stmt) -> str:
    """Return the source of a statement of a module."""
    decorators = getattr(node, "decorator_list", [])
    first = min(one.lineno for one in [node, *decorators])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def _earlier(file: str, name: str, wanted: str) -> str | None:
    """Return the last region of a file before one that binds a name, None where none does."""
    found = None
    for one in regions_of(file):
        if one.name == name:
            return found
        if wanted in bound_names(ast.parse(region(file, one.name))):
            found = one.name
    return None


def _import_blocks(imports: set[tuple[str, str, str | None]]) -> list[str]:
    """Return the lines of imports: of the standard library, of packages, of this project."""
    blocks: dict[int, list[str]] = {}
    for source in sorted({source for source, _, _ in imports}):
        names = sorted(
            name if other is None else f"{name} as {other}"
            for module, name, other in imports
            if module == source
        )
        for line in (
            [f"from {source} import {', '.join(names)}"]
            if source
            else [f"import {name}" for name in names]
        ):
            top = line.split()[1].partition(".")[0]
            rank = 0 if top in sys.stdlib_module_names else 2 if top == "demo_server" else 1
            blocks.setdefault(rank, []).append(line)
    return ["\n".join(lines) for _, lines in sorted(blocks.items())]


def _gap(above: str, below: str) -> str:
    """Return what stands between two parts: definitions have two empty lines around them."""
    if above.startswith(LARGE) or below.startswith(LARGE):
        return "\n\n\n"
    return "\n" if "\n" not in above + below else "\n\n"
