"""`npm run notebook`: the talk's main path as a Jupyter notebook, from the code on its slides.

Its cells run with public packages alone: the values of a run are written into the code, and the
text is what the notes say.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import subprocess
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from demo_server.data import source
from demo_server.driver.loader import regions
from demo_server.experiments import dataset, embed, peek
from demo_server.protocol.errors import BrokenLogError
from demo_server.protocol.events import RunStatus, StatusData
from demo_server.runs import log
from demo_server.system.checkout import BUNDLED_DATA, ROOT
from demo_server.system.environment import cache_directory
from demo_server.system.outline import Outline, Slide
from demo_server.toolkit.context import Machine

DIST = ROOT / "dist"
PACKAGES = ("ray[data]", "datasets", "sentence-transformers", "torch")
EMBEDDER = "demo_server/embedding/sentence_transformer.py"
# Whose slides make the main path, beside the one of the class.
EXPERIMENTS = ("dataset", "peek", "embed", "show", "shutdown")
# Those that don't take the parameters of the run.
OTHER_PARAMETERS = {"dataset": dataset.Params, "peek": peek.Params}
PARAMETER = re.compile(r"\bparams\.(\w+)")
MODEL = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True)
class Values:
    """What the code on the slides takes from a run."""

    params: dict[str, Any]
    origin: str = "The values are those for two cores without a GPU."
    path: str = BUNDLED_DATA.relative_to(ROOT).as_posix()
    options: dict[str, Any] = field(default_factory=lambda: {"split": "train"})
    column: str = "text"
    model: str = MODEL


def main() -> None:
    parser = argparse.ArgumentParser(prog="npm run notebook --", description=__doc__)
    parser.add_argument(
        "--defaults", action="store_true", help="values for two cores, not those of the last run"
    )
    parser.add_argument("--text-column", help="the column, where a run's dataset has several")
    parser.add_argument(
        "--out", type=Path, help="the file; by default the one that the last slide offers"
    )
    args = parser.parse_args()
    if args.out is None and not DIST.is_dir():
        raise SystemExit("There is no built deck to put it in: run npm start, or add --out FILE.")
    file: Path = args.out or DIST / "notebook.ipynb"
    last = None if args.defaults else last_run(cache_directory() / "runs")
    made = notebook(read_outline(), defaults() if last is None else of_run(last, args.text_column))
    nbformat.write(made, file)
    print(f"{file}: {'of run ' + last.run_id if last else 'with default values'}")


def read_outline() -> Outline:
    """Return the outline of the deck as it is now."""
    command = ["node", "scripts/outline.mjs", "--print"]
    printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Outline.model_validate_json(printed.stdout)


def defaults() -> Values:
    """Return the values for two cores without a GPU, the same wherever they are asked for."""
    found = embed.defaults(Machine(cpus=2, dataset_rows=10_000))
    return Values({**found.values, "engine": "TextEmbedder"})


def last_run(runs: Path) -> log.Header | None:
    """Return the header of the newest run of `embed` that succeeded, None where there is none."""
    for path in sorted(runs.glob(f"*/{log.NAME}"), reverse=True):
        try:
            header, last = log.read_header(path), log.last_event(path)
        except BrokenLogError:  # the server names it
            continue
        ended = last.data if last else None
        succeeded = isinstance(ended, StatusData) and ended.status is RunStatus.SUCCEEDED
        if header.experiment == "embed" and succeeded:
            return header
    return None


def of_run(header: log.Header, text_column: str | None = None) -> Values:
    """Return the values of a run, for the class that needs public packages alone.

    Raises:
        SourceError: its dataset is gone, or has several columns of text and none is named.
    """
    params = {**header.params, "engine": "TextEmbedder"}
    model = MODEL if header.model == "default" else header.model
    origin = f"The values are those of a run of {header.date[:10]}."
    if header.dataset == "bundled":
        return Values(params, origin, model=model)
    found = source.resolve(header.dataset, text_column)
    options = {name: value for name, value in found.options.items() if name != "cache_dir"}
    return Values(params, origin, found.path, options, found.text_column, model)


def notebook(outline: Outline, values: Values) -> Any:
    """Return the notebook of the talk with the values of a run."""
    cells = [new_markdown_cell(words(values)), new_code_cell(setup(values))]
    for slide in main_path(outline.slides):
        cells.append(new_markdown_cell(f"## {slide.title}\n\n" + "\n\n".join(sayings(slide))))
        if slide.experiment == "peek":  # from here on it is the rows of the run
            cells += [new_markdown_cell(ROWS), new_code_cell(selection(values))]
        cells += [
            new_code_cell(region(shown.file, shown.region, values)) for shown in slide.regions
        ]
    made = new_notebook(cells=cells)
    for number, cell in enumerate(made.cells):  # the same talk gives the same notebook
        cell["id"] = f"cell-{number}"
    return made


def main_path(slides: list[Slide]) -> list[Slide]:
    """Return the slides of the talk whose code is run, and the one of the class."""
    return [
        slide
        for slide in slides
        if slide.in_talk
        and slide.regions
        and (slide.experiment in EXPERIMENTS or slide.regions[0].file == EMBEDDER)
    ]


def words(values: Values) -> str:
    """Return what the notebook begins with."""
    packages = " ".join(f"'{name}=={version(name)}'" for name in PACKAGES)
    return f"""\
# Batch inference with Ray Data

The code of the talk, and what was said about it. {values.origin}

Install what it needs with `pip install {packages}`.

`data/wordnet` lies in the repository of the talk: start Jupyter there, or name another dataset in \
`load_dataset`, such as one of the Hugging Face hub, and its column of texts below."""


def version(requirement: str) -> str:
    """Return the installed version of `name[extra]`, without what names a build."""
    return importlib.metadata.version(requirement.partition("[")[0]).partition("+")[0]


def setup(values: Values) -> str:
    """Return the imports, and what the slides take from where they run."""
    return f"""\
import os
from typing import Any

import ray
from datasets import load_dataset
from ray.data import ActorPoolStrategy

Batch = dict[str, Any]
column = {values.column!r}
model = {values.model!r}
threads = max(1, (os.cpu_count() or 1) // {values.params["concurrency"]})  # for each actor
gpus = 0  # for each actor: 1 where each has a GPU of its own

# Rows come out in their order.
ray.data.DataContext.get_current().execution_options.preserve_order = True"""


ROWS = """\
The rows of the run. `flatten_indices()` makes one table of them: behind the indices of a \
selection Ray would get each row as a chunk of its own."""


def selection(values: Values) -> str:
    """Return what chooses the rows of the run."""
    shuffle = f".shuffle(seed={seed})" if (seed := values.params["seed"]) else ""
    return f"""\
dataset = dataset.filter(has_text){shuffle}
rows = min({values.params["rows"]}, len(dataset))
dataset = dataset.select(range(rows)).flatten_indices()"""


def sayings(slide: Slide) -> list[str]:
    """Return what is said on a slide, without what is for the presenter alone."""
    said: list[str] = re.findall(r"^Say: (.+)$", slide.notes, re.MULTILINE)
    # A sentence begins with a capital, the name of a function does not.
    return [re.sub(r"^[a-z]+\b(?![_(])", lambda word: word[0].capitalize(), text) for text in said]


def region(file: str, name: str, values: Values) -> str:
    """Return the code of a region as it runs, with its values.

    Raises:
        SystemExit: there is no such region.
    """
    text = (ROOT / file).read_text(encoding="utf-8")
    found = [one.text for one in regions(text, file) if one.name == name]
    if not found:
        raise SystemExit(f"{file} has no region {name!r}.")
    others = OTHER_PARAMETERS.get(Path(file).stem)
    params = others().model_dump() if others else values.params
    code = textwrap.dedent(found[0]).strip()
    code = code.replace("load_dataset(path, **options)", loading(values))
    return PARAMETER.sub(lambda match: written(match[1], params[match[1]]), code)


def loading(values: Values) -> str:
    """Return what loads the dataset.

    Without a name Ray takes these rows. It would ask the hub for those of a dataset of that name,
    also where this one is from a directory.
    """
    options = [f"{name}={value!r}" for name, value in values.options.items()]
    return f"""\
load_dataset({", ".join([repr(values.path), *options])})
dataset.info.dataset_name = None  # Ray takes these rows, not the hub's of that name"""


def written(name: str, value: Any) -> str:
    """Return a value as Python has it; an engine is the name of its class."""
    return str(value) if name == "engine" else repr(value)


if __name__ == "__main__":
    main()
