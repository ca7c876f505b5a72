"""The rows of the dataset that can be embedded, for experiments that don't show how."""

from __future__ import annotations

from datasets import Dataset

from demo_server.data.cleaning import drop_empty
from demo_server.data.selection import choose
from demo_server.toolkit.context import Context

# What a dataset may be cut into: each block is a task, and a row of Ray's tables.
MOST_BLOCKS = 1000


def note_reading(context: Context) -> None:
    """Note what was read otherwise than plainly, such as a column that was left out."""
    for note in context.source.notes:
        context.note(note)


def load_rows(context: Context) -> Dataset:
    """Return the source's rows that have a text, in their order; note how they were read.

    Raises:
        CleaningError: there are none.
    """
    note_reading(context)
    dataset, cleaned = drop_empty(context.source.load(), context.source.text_column)
    context.note_cleaned(cleaned)
    return dataset


def load_texts(context: Context, rows: int) -> Dataset:
    """Return the texts of the first rows, each with its number as `id`, and no other column.

    For what compares ways to compute them: no type of another column gets in the way.
    """
    return choose(load_rows(context).select_columns([context.source.text_column]), rows)
