"""The rows of the dataset that can be embedded, for experiments that don't show how."""

from __future__ import annotations

from datasets import Dataset

from demo_server.data.cleaning import drop_empty
from demo_server.data.selection import ID, choose
from demo_server.toolkit.context import Context

# What a dataset may be cut into: each block is a task, and a row of Ray's tables.
MOST_BLOCKS = 1000
MOST_NOTES = 20  # of one dataset, on a run
NOTES = "reading-notes.txt"  # all, where there are more


def note_reading(context: Context) -> None:
    """Note what was read otherwise than plainly, such as a column that was left out."""
    notes = context.source.notes
    for note in notes[:MOST_NOTES]:
        context.note(note)
    if len(notes) > MOST_NOTES:
        more = f"{len(notes) - MOST_NOTES:,} more notes on how the data was read"
        try:
            (context.directory / NOTES).write_text("\n".join([*notes, ""]), encoding="utf-8")
        except OSError as error:
            context.note(f"{more} could not be written: {error.strerror}", "warning")
        else:
            context.note(f"{more}: all are in {NOTES} in the run's directory.")


def load_rows(context: Context) -> Dataset:
    """Return the source's rows that have a text, in their order; note how they were read.

    Raises:
        CleaningError: there are none.
    """
    note_reading(context)
    dataset, cleaned = drop_empty(context.source.load(), context.source.text_column)
    context.note_cleaned(cleaned)
    return dataset


def load_chosen(context: Context, rows: int | None = None, seed: int = 0) -> Dataset:
    """Return the rows that `choose` takes of those that have a text, all of them by default.

    Where the data has no column `id`, that is noted, as one is added.
    """
    dataset = load_rows(context)
    if ID not in dataset.column_names:
        context.note("Column 'id' is not the data's: it numbers the rows that have a text, from 0.")
    return choose(dataset, len(dataset) if rows is None else rows, seed)


def load_texts(context: Context, rows: int) -> Dataset:
    """Return the texts of the first rows, each with its number as `id`, and no other column.

    For what compares ways to compute them: no type of another column gets in the way.
    """
    return choose(load_rows(context).select_columns([context.source.text_column]), rows)
