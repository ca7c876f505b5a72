"""`npm run notebook`: the talk's main path as a Jupyter notebook, from the code on its slides.

Its cells run with public packages alone: the values of a run are written into the code, and the
text is what the notes say.
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from demo_server.data import source
from demo_server.embedding import model
from demo_server.experiments import dataset, embed, ladder, out_of_memory, peek
from demo_server.protocol.errors import BrokenLogError
from demo_server.protocol.events import RunStatus
from demo_server.runs import log
from demo_server.system.checkout import ROOT
from demo_server.system.environment import cache_directory
from demo_server.system.outline import Outline, ShownRegion, Slide
from demo_server.toolkit.context import Machine, Parameters
from scripts.code_before import (
    FILTER,
    LOAD,
    SELECT,
    SHUFFLE,
    CodeBefore,
    bound_names,
    carried,
)
from scripts.notebook_text import (
    CAUGHT,
    FAST_LADDER_WORDS,
    LADDER_SETUP,
    LADDER_WORDS,
    LIMITED,
    ROWS,
    SETUP,
    WORDS,
    sayings,
    words,
)
from scripts.shown_code import Values, region, substitute

DIST = ROOT / "dist"
CARRIED_NOTEBOOK = ROOT / "public" / "notebook.ipynb"
CARRIED_CODE = ROOT / "slides" / "setup" / "code-before.json"
LADDER = "demo_server/experiments/comparisons/ladder_torch.py"
FAST_LADDER = "demo_server/experiments/comparisons/ladder_fast.py"
LADDER_ROWS = 12
# Those that don't take the parameters of the run.
OTHER_PARAMETERS: dict[str, type[Parameters]] = {
    "dataset": dataset.Params,
    "peek": peek.Params,
    "out_of_memory": out_of_memory.Params,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="npm run notebook --", description=__doc__)
    parser.add_argument(
        "--carried",
        action="store_true",
        help="write what the deck carries: the notebook with values for two cores, and what has "
        "to stand before the code that is copied from a slide",
    )
    parser.add_argument("--text-column", help="the column, where a run's dataset has several")
    parser.add_argument(
        "--out", type=Path, help="the file; by default the one that the last slide offers"
    )
    args = parser.parse_args()
    if args.carried:
        write_carried(read_outline())
        return
    if args.out is None and not DIST.is_dir():
        raise SystemExit("There is no built deck to put it in: run npm start, or add --out FILE.")
    file: Path = args.out or DIST / "notebook.ipynb"
    last = last_run(cache_directory() / "runs")
    made = notebook(read_outline(), defaults() if last is None else of_run(last, args.text_column))
    nbformat.write(made, file)
    print(f"{file}: {'of run ' + last.run_id if last else 'with default values'}")


def write_carried(outline: Outline) -> None:
    """Write the files that the deck carries."""
    nbformat.write(notebook(outline, defaults()), CARRIED_NOTEBOOK)
    CARRIED_CODE.write_text(json.dumps(carried(outline), indent=1) + "\n", encoding="utf-8")
    print(f"{CARRIED_NOTEBOOK}\n{CARRIED_CODE}")


def read_outline() -> Outline:
    """Return the outline of the deck as it is now."""
    command = ["node", "scripts/outline.mjs", "--print"]
    printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Outline.model_validate_json(printed.stdout)


def defaults() -> Values:
    """Return the values for two cores without a GPU, the same wherever they are asked for."""
    found = embed.defaults(Machine(cpus=2, dataset_rows=10_000))
    params = embed.Params(**found.values).model_dump(mode="json")
    return Values({**params, "engine": "TextEmbedder"})


def last_run(runs: Path) -> log.Header | None:
    """Return the header of the newest run of `embed` that succeeded, None where there is none."""
    for path in sorted(runs.glob(f"*/{log.NAME}"), reverse=True):
        try:
            header, end = log.read_header(path), log.end_of(path)
        except BrokenLogError:  # the server names it
            continue
        succeeded = end is not None and end.data.status is RunStatus.SUCCEEDED
        if header.experiment == "embed" and succeeded:
            return header
    return None


def of_run(header: log.Header, text_column: str | None = None) -> Values:
    """Return the values of a run, for the class that needs public packages alone.

    Raises:
        SourceError: its dataset is gone, or has several columns of text and none is named.
    """
    params = {**header.params, "engine": "TextEmbedder"}
    spec = None if header.dataset == "bundled" else header.dataset
    found = source.resolve(spec, text_column)
    return Values(
        params,
        f"The values are those of a run of {header.date[:10]}.",
        found.arguments,
        found.text_column,
        model.name(None if header.model == "default" else header.model),
    )


def notebook(outline: Outline, values: Values) -> Any:
    """Return the notebook of the talk with the values of a run."""
    cells = [new_markdown_cell(words(values)), new_code_cell(substitute(SETUP, values))]
    slides = [slide for slide in outline.slides if slide.in_talk and slide.regions]
    for number, slide in enumerate(slides):
        if slide.experiment == "shutdown":
            cells += ladder_cells(outline.slides, values, code_of(cells))
        more = [WORDS[shown.file] for shown in slide.regions[:1] if shown.file in WORDS]
        cells.append(new_markdown_cell("\n\n".join([f"## {slide.title}", *sayings(slide), *more])))
        if slide.experiment == "peek":  # from here on it is the rows of the run
            rows = substitute(f"{FILTER}\n{SHUFFLE}\n{SELECT}", values)
            cells += [new_markdown_cell(ROWS), new_code_cell(rows)]
        shown_later = [shown for later in slides[number + 1 :] for shown in later.regions]
        for shown in slide.regions:
            if shown not in shown_later:
                cells += region_cells(shown, values, code_of(cells))
    made = new_notebook(cells=cells)
    for number, cell in enumerate(made.cells):  # the same talk gives the same notebook
        cell["id"] = f"cell-{number}"
    return made


def code_of(cells: list[Any]) -> str:
    """Return the code of all cells."""
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def region_cells(shown: ShownRegion, values: Values, above: str) -> list[Any]:
    """Return the cell of a region, behind one of what it needs that `above` has not."""
    name = Path(shown.file).stem
    code = region(shown.file, shown.region)
    if (name, shown.region) == ("dataset", "load"):
        code = code.replace(LOAD.splitlines()[0], LOAD)
    other = OTHER_PARAMETERS.get(name)
    params = values.params if other is None else other().model_dump()
    known = bound_names(ast.parse(above))
    if shown.file == LIMITED and "limit" not in known:
        known.discard("ds")  # that of the run has vectors already
    before = CodeBefore(known)
    before.add_needs(code, shown.file, shown.region)
    cells = [new_code_cell(substitute(str(before), values, params))] if str(before) else []
    if shown.file == LIMITED:
        code = CAUGHT.format(code=textwrap.indent(code, "    "))
    return [*cells, new_code_cell(substitute(code, values, params))]


def ladder_cells(slides: list[Slide], values: Values, above: str) -> list[Any]:
    """Return the steps of the ladder, on a few of the rows, behind the code `above`."""
    [slide] = [slide for slide in slides if any(shown.file == LADDER for shown in slide.regions)]
    text = "\n\n".join([f"## {slide.title}", *sayings(slide), LADDER_WORDS])
    setup = LADDER_SETUP.format(rows=LADDER_ROWS)
    cells = [new_markdown_cell(text), new_code_cell(setup)]
    known = bound_names(ast.parse(f"{above}\n{setup}"))
    for file in (LADDER, FAST_LADDER):
        steps = {
            shown.region: f"{locals_of(file, shown.region)}{region(file, shown.region)}"
            for shown in slide.regions
            if shown.file == file
        }
        before = CodeBefore(known)
        before.add_needs("\n".join(steps.values()), file)
        if file == FAST_LADDER:
            cells.append(new_markdown_cell(FAST_LADDER_WORDS))
        cells.append(new_code_cell(substitute(str(before), values)))
        known |= bound_names(ast.parse(str(before)))
        for name, code in steps.items():
            code = f"ds = ray.data.from_huggingface(few)\n{code}\nmeasure(ds)"
            cells += [new_markdown_cell(f"### {ladder.stages[name]}"), new_code_cell(code)]
    return cells


def locals_of(file: str, method: str) -> str:
    """Return the lines for what a method names otherwise than its object: `engine = one_thread`."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(
                name=name, body=[ast.Assign(targets=[ast.Tuple(elts=names)], value=value), *_]
            ) if name == method and isinstance(value, ast.Tuple):
                pairs = zip(map(ast.unparse, names), map(ast.unparse, value.elts), strict=True)
                given = [(name, of.removeprefix("self.")) for name, of in pairs]
                return "".join(f"{name} = {of}\n" for name, of in given if name != of)
    raise SystemExit(f"{file} has no method {method!r} that begins with its object's attributes.")


if __name__ == "__main__":
    main()
