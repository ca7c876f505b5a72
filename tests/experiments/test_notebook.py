"""The notebook that the audience takes home, executed with public packages alone."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import sysconfig
import venv
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
from demo_server.system.outline import Outline
from scripts.code_before import carried
from scripts.notebook import (
    CARRIED_CODE,
    CARRIED_NOTEBOOK,
    NEEDS_REPOSITORY,
    defaults,
    last_run,
    notebook,
    of_run,
)
from scripts.shown_code import PLACEHOLDER, Values, region, substitute

ROWS = 160
PARAMS: dict[str, Any] = {
    **{"rows": ROWS, "batch_size": 64, "concurrency": 1, "num_cpus": 1, "blocks": 2, "seed": 3},
    "engine": "TextEmbedder",
}
# Of all experiments whose code is copied.
EVERY_PARAMETER = PARAMS | {"most_rows": 2, "limit_mb": 1, "small_batch": 1, "large_batch": 2}
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


def test_the_notebook_runs_with_public_packages_alone_and_gives_the_slides_vectors(
    bare: Path, built_outline: Outline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from demo_server.embedding.sentence_transformer import TextEmbedder

    chosen, path = source.resolve(), model.resolve(None).path
    monkeypatch.setattr("scripts.notebook.LADDER_ROWS", 2)
    arguments = f'"{chosen.path}", split="train"'
    values = Values(PARAMS, arguments=arguments, column=chosen.text_column, model=path)
    result = tmp_path / "result.npz"
    begin = "import ray\nray.init(num_cpus=2, include_dashboard=False)"
    keep = (
        "import numpy as np\n"
        "table = materialized.to_pandas()\n"
        f"np.savez({str(result)!r}, id=table['id'].to_numpy(str), "
        "embedding=np.stack(table['embedding']))"
    )
    monkeypatch.setattr("scripts.notebook.LADDER_ROWS", 2)
    [*cells, shutdown] = public_cells(notebook(built_outline, values))
    assert shutdown.source == "ray.shutdown()"
    name = "demo_server/experiments/embed.py#materialize"
    few = dataclasses.replace(values, params=PARAMS | {"rows": 2, "blocks": 1})
    again = copied(name, carried(built_outline)[name], few)
    begin, *more = map(new_code_cell, (begin, keep, again, "print(materialized.count(), 'copied')"))
    made = new_notebook(cells=[begin, *cells, *more, shutdown])
    execute(made, bare, tmp_path, monkeypatch)
    printed = [out.get("text", "") for cell in made.cells for out in cell.get("outputs", ())]
    assert sum("s for 2 rows" in text for text in printed) == 5, "the ladder's steps ran"
    assert "2 copied\n" in printed, "what is copied from a slide ran"
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


def public_cells(made: Any) -> list[Any]:
    """Return the cells that public packages suffice for."""
    tagged = [NEEDS_REPOSITORY in cell.metadata.get("tags", ()) for cell in made.cells]
    assert sum(tagged) == 1 + len(ladder.STEPS) - ladder.TORCH_STEPS
    return [cell for cell, tag in zip(made.cells, tagged, strict=True) if not tag]


def test_only_the_ladders_further_steps_need_this_project(built_outline: Outline) -> None:
    made = notebook(built_outline, defaults())
    code = "\n".join(code_of(made))
    assert "demo_server" not in "".join(cell.source for cell in public_cells(made))
    assert "from demo_server" in code
    assert 'load_dataset("data/wordnet", split="train")' in code


def test_no_cell_has_a_name_that_nothing_defines(built_outline: Outline) -> None:
    made = notebook(built_outline, defaults())
    assert undefined_names("\n".join(code_of(made))) == ""
    made.cells = public_cells(made)
    assert undefined_names("\n".join(code_of(made))) == ""


def test_a_region_that_is_copied_from_a_slide_has_all_its_names(built_outline: Outline) -> None:
    values = dataclasses.replace(defaults(), params=EVERY_PARAMETER)
    for name, before in carried(built_outline).items():
        code = copied(name, before, values)
        assert not PLACEHOLDER.search(code), name
        assert undefined_names(code) == "", name


def copied(name: str, before: list[str], values: Values) -> str:
    """Return what the button that copies a region takes, with its values."""
    file, shown = name.split("#")
    return substitute("\n".join([*before, "", region(file, shown)]), values)


def undefined_names(code: str) -> str:
    """Return what ruff has to say of names in code that nothing defines."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--quiet", "--select", "F821"]
    checked = subprocess.run([*command, "-"], input=code, text=True, capture_output=True)
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
