"""The notebook that the audience takes home, executed with public packages alone."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pyarrow as pa
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from demo_server.data import source
from demo_server.embedding import model
from demo_server.experiments import ladder
from demo_server.ray_internals import forkable_ray
from demo_server.system import fork_server
from demo_server.system.checkout import ROOT
from demo_server.system.fork_server import FORKS
from demo_server.system.outline import Outline
from scripts.code_before import carried, code_before, free_names
from scripts.notebook import (
    CARRIED_CODE,
    CARRIED_NOTEBOOK,
    defaults,
    last_run,
    notebook,
    of_run,
)
from scripts.shown_code import PLACEHOLDER, Values, region, regions_of, substitute

ROWS = 512  # so many at once don't fit where the talk runs out of memory
PARAMS: dict[str, Any] = {
    **{"rows": ROWS, "batch_size": 64, "concurrency": 2, "num_cpus": 1, "blocks": 2, "seed": 3},
    "engine": "TextEmbedder",
}
# Of all experiments whose code is copied.
EVERY_PARAMETER = PARAMS | {"most_rows": 2, "limit_mb": 1, "small_batch": 1, "large_batch": 2}
# Code that moves on clicks has no button that copies it.
MOVING = "demo_server/experiments/comparisons/"
BARE_WORKERS = ROOT / "tests" / "support" / "bare_workers.py"
OF_A_DECK = (
    r"\b(?:button|key|press|click|slide|(?:first|second) arrow|screen|vote|on the right)s?\b"
)
RENEW = "npm run notebook -- --carried"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an environment that has every package but this project.

    A `.pth` file adds a directory to the path, and reads no `.pth` files in it: what makes this
    checkout importable is one.
    """
    directory = tmp_path_factory.mktemp("bare")
    venv.create(directory, with_pip=False, symlinks=True)
    python = directory / "bin" / "python"
    command = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    places = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    Path(places, "public.pth").write_text(sysconfig.get_path("purelib"))
    look = "from importlib.util import find_spec; assert find_spec('ray'); import demo_server"
    tried = [str(python), "-c", look]
    missing = subprocess.run(tried, capture_output=True, text=True, check=False, cwd=directory)
    assert "No module named 'demo_server'" in missing.stderr
    return python


@pytest.fixture
def workers(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return what a driver does before `ray.init` for its workers to be forked by one process."""
    if not FORKS:
        yield ""
        return
    directory = tmp_path_factory.mktemp("forks")
    for file in (BARE_WORKERS, fork_server.__file__, forkable_ray.__file__):
        shutil.copy(file, directory)
    script = directory / BARE_WORKERS.name
    command = [str(bare), "-E", str(script), "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=directory):  # ends with its input
        yield (
            "from functools import partial\n"
            "from ray._private import parameter\n"
            f"given = dict(setup_worker_path={str(script)!r})\n"
            "parameter.RayParams = partial(parameter.RayParams, **given)\n"
        )


def test_the_notebook_runs_with_public_packages_alone_and_gives_the_slides_vectors(
    bare: Path,
    workers: str,
    built_outline: Outline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from demo_server.embedding.sentence_transformer import TextEmbedder

    chosen, path = source.resolve(), model.resolve(None).path
    monkeypatch.setattr("scripts.notebook.LADDER_ROWS", 2)
    arguments = f'"{chosen.path}", split="train"'
    values = Values(PARAMS, arguments=arguments, column=chosen.text_column, model=path)
    result = tmp_path / "result.npz"
    begin = (
        f"import ray\n{workers}ray.init(num_cpus=2, include_dashboard=False)\n"
        "from importlib.util import find_spec\n"
        "assert not ray.get(ray.remote(find_spec).remote('demo_server')), 'workers are bare too'"
    )
    keep = (
        "import numpy as np\n"
        "table = materialized.to_pandas()\n"
        f"np.savez({str(result)!r}, id=table['id'].to_numpy(str), "
        "embedding=np.stack(table['embedding']))"
    )
    [*cells, shutdown] = notebook(built_outline, values).cells
    assert shutdown.source == "ray.shutdown()"
    steps = [cell for cell in cells if cell.source.endswith("measure(ds)")]
    assert len(steps) == len(ladder.STEPS)
    few = dataclasses.replace(values, params=PARAMS | {"rows": 2, "blocks": 1})
    again = copied("demo_server/experiments/embed.py#materialize", few)
    slowly = {"rows": 160, "blocks": 10, "batch_size": 16}
    many = dataclasses.replace(values, params=PARAMS | slowly)
    kill = copied("demo_server/experiments/recovery.py#kill", many)
    killed = (
        "kill_worker({})\n"
        "pids = [pid for batch in batches for pid in batch['pid'].to_pylist()]\n"
        "print(len(pids), 'rows of', len({recovery.worker, *pids}), 'actors')"
    )
    copies = (again, "print(materialized.count(), 'copied')", kill, killed)
    begin, *more = map(new_code_cell, (begin, keep, *copies))
    made = new_notebook(cells=[begin, *cells, *more, shutdown])
    execute(made, bare, tmp_path, monkeypatch)
    outputs = [out for cell in made.cells for out in cell.get("outputs", ())]
    printed = [out.get("text", "") for out in outputs]
    steps_run = sum("s for 2 rows" in text for text in printed)
    assert steps_run == len(ladder.STEPS), "the ladder's steps ran"
    failures = [text for text in printed if "UserCodeException" in text]
    assert len(failures) == 1, "the large batch did not fit, and the small one did"
    assert "can't allocate memory" in failures[0]
    assert "2 copied\n" in printed, "what is copied from a slide ran"
    rest = "144 rows of 2 actors\n"
    assert rest in printed, "what is copied kills the actor, and another goes on"
    found = np.load(result)
    rows = chosen.load().shuffle(seed=3).select(range(ROWS))
    assert found["id"].tolist() == rows["id"][:]
    embedder = TextEmbedder(path, chosen.text_column, threads=1)
    batch = pa.table({chosen.text_column: rows[chosen.text_column][:]})
    expected = np.stack(embedder(batch)["embedding"].to_numpy())
    norms = np.linalg.norm(found["embedding"], axis=1) * np.linalg.norm(expected, axis=1)
    assert ((found["embedding"] * expected).sum(axis=1) / norms).min() >= 0.9999


def execute(made: Any, python: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Execute a notebook in `directory` with an interpreter, apart from this checkout."""
    for name in ("PYTHONPATH", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    kernel = directory / "kernels" / "bare"
    kernel.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    described = {"argv": argv, "display_name": "bare", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(described))
    monkeypatch.setenv("JUPYTER_PATH", str(directory))
    resources = {"metadata": {"path": directory}}
    NotebookClient(made, kernel_name="bare", timeout=900, resources=resources).execute()


def test_no_cell_needs_this_project(built_outline: Outline) -> None:
    made = notebook(built_outline, defaults())
    assert "demo_server" not in "".join(cell.source for cell in made.cells)
    assert 'load_dataset("data/wordnet", split="train")' in "\n".join(code_of(made))


def test_no_cell_has_a_name_that_nothing_defines(built_outline: Outline, tmp_path: Path) -> None:
    code = "\n".join(code_of(notebook(built_outline, defaults())))
    (tmp_path / "cells.py").write_text(code)
    assert undefined_names(tmp_path) == ""


def test_a_region_that_is_copied_from_a_slide_compiles_and_has_all_its_names(
    built_outline: Outline, tmp_path: Path
) -> None:
    shown = {
        f"{shown.file}#{shown.region}"
        for slide in built_outline.slides
        for shown in slide.regions
        if not shown.file.startswith(MOVING)
    }
    assert shown == carried(built_outline).keys()
    values = dataclasses.replace(defaults(), params=EVERY_PARAMETER)
    for number, name in enumerate(shown):
        code = copied(name, values)
        assert not PLACEHOLDER.search(code), name
        assert "demo_server" not in code, name
        compile(code, name, "exec", dont_inherit=True)
        (tmp_path / f"region{number}.py").write_text(f"{code}  # {name}\n")
    assert undefined_names(tmp_path) == ""


def test_the_fast_class_that_is_copied_gives_the_vectors_of_encode() -> None:
    from demo_server.embedding.sentence_transformer import TextEmbedder

    code = copied("demo_server/embedding/fast.py#fast", defaults())
    space: dict[str, Any] = {"__name__": "copied"}
    exec(compile(code, "copied", "exec", dont_inherit=True), space)
    path = model.resolve(None).path
    batch = pa.table({"text": ["", "a", "a long text about copper and ladders " * 90, "b c"]})
    [found, expected] = [
        np.stack(embedder(path, "text", threads=2)(batch)["embedding"].to_numpy())
        for embedder in (space["FastEmbedder"], TextEmbedder)
    ]
    assert np.allclose(found, expected, atol=1e-5)


def test_the_fast_class_is_shown_whole_in_25_lines_that_import_from_one_module_of_ours() -> None:
    file = "demo_server/embedding/fast.py"
    [shown] = [found.text for found in regions_of(file) if found.name == "fast"]
    assert len(shown.splitlines()) <= 25
    tree = ast.parse(shown)
    [ours] = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert f"{ours.module}".startswith("demo_server.")
    assert free_names(shown) == ["int", "len", "np", "pa", "str"]
    assert "EngineLoader" in free_names(region(file, "fast")), "copied code has it from elsewhere"
    assert "for rows, " in shown, "the loop over the passes is seen"


def copied(name: str, values: Values) -> str:
    """Return what the button that copies a region takes, with its values."""
    file, shown = name.split("#")
    return substitute(f"{code_before(file, shown)}\n\n{region(file, shown)}", values)


def undefined_names(directory: Path) -> str:
    """Return what ruff has to say of names that nothing defines in the files of a directory."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--quiet", "--select", "F821"]
    checked = subprocess.run([*command, directory], text=True, capture_output=True)
    return checked.stdout + checked.stderr


def test_the_notebook_that_the_deck_carries_has_the_code_of_the_slides(
    built_outline: Outline,
) -> None:
    found = nbformat.read(CARRIED_NOTEBOOK, as_version=4)
    assert code_of(found) == code_of(notebook(built_outline, defaults())), RENEW


def test_the_deck_carries_what_copied_code_needs(built_outline: Outline) -> None:
    found = json.loads(CARRIED_CODE.read_text(encoding="utf-8"))
    assert found == carried(built_outline), RENEW


def code_of(made: Any) -> list[str]:
    return [cell.source for cell in made.cells if cell.cell_type == "code"]


def test_each_live_slide_of_the_main_path_is_a_chapter_with_what_is_said(
    built_outline: Outline,
) -> None:
    made = notebook(built_outline, defaults())
    texts = [cell.source for cell in made.cells if cell.cell_type == "markdown"]
    [embed] = [t for t in texts if t.startswith("## Run inference on the entire dataset")]
    assert "materialize() is the moment the plan becomes work" in embed
    assert "If it fails" not in "".join(texts)
    titles = [text.splitlines()[0].removeprefix("## ") for text in texts]
    main_path = [s.title for s in built_outline.slides if s.in_talk and s.regions]
    assert [title for title in titles if title in main_path] == main_path


def test_its_text_names_nothing_that_only_a_deck_has(built_outline: Outline) -> None:
    made = notebook(built_outline, defaults())
    texts = [cell.source for cell in made.cells if cell.cell_type == "markdown"]
    assert not re.findall(OF_A_DECK, "\n".join(texts), re.IGNORECASE)
    assert all("\n\n" in text for text in texts if text.startswith("## ")), "each is explained"


def test_it_has_the_values_of_the_last_run_that_succeeded(
    built_outline: Outline, tmp_path: Path
) -> None:
    for name, status, batch_size in (
        ("20261129-1", "succeeded", 16),
        ("20261130-1", "succeeded", 48),
        ("20261130-2", "failed", 99),
    ):
        write_log(tmp_path / name, status, {**PARAMS, "batch_size": batch_size})
    header = last_run(tmp_path)
    assert header is not None
    made = notebook(built_outline, of_run(header))
    assert "batch_size=48," in nbformat.writes(made)
    assert last_run(tmp_path / "none") is None


def write_log(directory: Path, status: str, params: dict[str, Any]) -> None:
    directory.mkdir()
    header = {
        **{"format": 2, "run_id": directory.name, "request_id": "r", "experiment": "embed"},
        **{"params": params, "started_at": 0, "date": "2026-11-30T19:00:00", "machine": {}},
        **{"versions": {}, "dataset": "bundled", "model": "default", "code_hash": ""},
        "author": {"pid": 1, "started_at": 0},
    }
    event = {"seq": 1, "t": 0, "kind": "status", "data": {"status": status}}
    (directory / "log.jsonl").write_text(f"{json.dumps(header)}\n{json.dumps(event)}\n")


def test_a_run_on_another_dataset_is_loaded_from_there(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("note\none\ntwo\n")
    write_log(tmp_path / "run", "succeeded", PARAMS)
    header = last_run(tmp_path)
    assert header is not None
    values = of_run(header.model_copy(update={"dataset": str(file)}))
    assert values.arguments.startswith('"csv", split="train", data_files="mine.csv", ')
    assert values.column == "note"
