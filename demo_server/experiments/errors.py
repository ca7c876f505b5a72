"""The errors everybody meets."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import ray
from datasets import Dataset
from pydantic import Field

from demo_server.experiments.comparisons.mistakes import Mistakes, Rows
from demo_server.protocol.events import Figure, OutcomeData
from demo_server.toolkit.context import Context, Defaults, Machine, Needs, Parameters
from demo_server.toolkit.failure import explain, release
from demo_server.toolkit.rows import load_texts


class Params(Parameters):
    # Few: what is wrong with them shows at once.
    rows: int = Field(64, ge=16, le=1000, description="rows that each form gets")


needs = Needs(actors=2, cpus_per_actor=0.5, task_cpus=0)

BLOCKS = 8
# Each form with its title.
stages = {
    "list_wrong": "A list, returned from map_batches",
    "list_fixed": "A column with a name",
    "format_wrong": "pandas code on a batch of NumPy",
    "format_fixed": "The format that the code expects",
    "lengths_wrong": "Columns of unlike length",
    "lengths_fixed": "A value for each row",
    "swallowed_wrong": "An exception, swallowed row by row",
    "swallowed_block": "Blocks that may fail",
    "swallowed_fixed": "A value for what is missing",
    "compute_wrong": "compute, as it was once written",
    "compute_fixed": "A strategy, not a string",
    "setting_wrong": "A setting, given to map_batches",
    "setting_fixed": "A setting of this dataset",
    "both_wrong": "concurrency together with compute",
    "both_fixed": "The size of the pool",
    "pickle_wrong": "A lock that would have to travel",
    "pickle_fixed": "A lock made where it is used",
}
REMEDIES = {
    "list_wrong": "Give the list a name: a batch is columns, {name: values}.",
    "format_wrong": 'A batch is a dict of arrays unless batch_format="pandas" says otherwise.',
    "lengths_wrong": "All columns of a batch need as many values as the batch has rows.",
    "swallowed_wrong": "Let it raise, or give the row a value that says what is missing.",
    "swallowed_block": "Count what came out. Better: fix the rows before they fail.",
    "compute_wrong": "Strings are gone: TaskPoolStrategy() or ActorPoolStrategy(size=n).",
    "setting_wrong": "Unknown keywords go to the task. Settings are in ds.context.",
    "both_wrong": "Say it once: compute=ActorPoolStrategy(size=2).",
    "pickle_wrong": "Make it in __init__: then each actor has its own, and nothing travels.",
}
# What happens where nothing is raised.
SILENCES = {
    "swallowed_wrong": "No exception, no warning. The rows are just not there.",
    "swallowed_block": "The run succeeds. A block that fails takes all its rows with it.",
    "both_wrong": "No exception: compute is taken, concurrency is ignored.",
}
MOST_WORDS = 180
# What is only a printed value: a list, an object's address.
PRINTED = re.compile(r"([\[{<])[^\[\]{}<>]{24,}?([\]}>]|\.\.\.)")
CULPRIT = re.compile(r"FAIL serialization: (.+)")


def run(params: Params, context: Context) -> None:
    """Run each form on a few rows, and report what it does: raise, lose rows, or work."""
    source, began = context.source, time.perf_counter()
    dataset = load_texts(context, params.rows)
    spoilt = without_two_texts(dataset, source.text_column)
    mistakes = Mistakes(source.text_column)
    raised, lost = 0, 0
    for name, title in stages.items():
        rows = spoilt if name.startswith("swallowed") else dataset
        # A dataset has settings of its own: what one form sets, the next doesn't have.
        ds = ray.data.from_huggingface(rows, override_num_blocks=BLOCKS)
        with context.staged(name):
            context.expect(len(rows), title)
            out = attempt(context, name, title, getattr(mistakes, name), ds)
        raised += out is None
        lost += 0 if out is None else len(rows) - out
    context.figures(
        Figure(name="raised", label="exceptions, each with its words", value=raised),
        Figure(name="lost", label="rows lost without a word", value=lost),
        Figure(
            name="seconds", label="for all of them", value=time.perf_counter() - began, unit="s"
        ),
    )


def without_two_texts(dataset: Dataset, column: str) -> Dataset:
    """Return the rows with None for the text of two that are far apart."""
    spoilt: list[str | None] = list(dataset[column])
    spoilt[0] = spoilt[len(spoilt) // 2] = None
    return dataset.remove_columns(column).add_column(column, spoilt)


def attempt(
    context: Context, name: str, title: str, form: Callable[[Rows], Rows], ds: Rows
) -> int | None:
    """Run one form and report it; return how many rows came out, None if it raised."""
    outcome = OutcomeData(title=title, outcome="worked", rows_in=ds.count())
    try:
        done = form(ds)
        outcome.rows_out = done.count()
        outcome.processes = processes(done)
    except Exception as error:  # whatever it is, it is what this Ray does
        failure = explain(error, expected=True)
        outcome.outcome, outcome.exception = "raised", failure.exception
        outcome.message, outcome.remedy = shortened(failure.message), REMEDIES.get(name)
        release(error)
    else:
        if not name.endswith("_fixed"):
            outcome.outcome, outcome.remedy = "silent", REMEDIES[name]
            outcome.message = SILENCES.get(name, f"Ray {ray.__version__} raises nothing here.")
    context.emit(outcome)
    return outcome.rows_out


def processes(done: Rows) -> int | None:
    """Return how many processes did the work, where the rows name them."""
    if "process" not in done.schema().names:
        return None
    batches = done.iter_batches(batch_format="numpy")
    return len({int(process) for batch in batches for process in batch["process"]})


def shortened(message: str) -> str:
    """Return the first line of `message`, printed values and what is too long as `…`.

    What can't be pickled is a list of many lines, of which one names the culprit: it is added.
    """
    line = PRINTED.sub(lambda found: f"{found[1]}…{found[2].strip('.')}", message.splitlines()[0])
    if culprit := CULPRIT.search(message):
        line = f"{line.rstrip(':')}: {culprit[1]}"
    return line if len(line) <= MOST_WORDS else line[: MOST_WORDS - 1].rsplit(" ", 1)[0] + " …"


def defaults(machine: Machine) -> Defaults:
    return Defaults({}, f"The same rows in {BLOCKS} blocks, {len(stages)} times.")
