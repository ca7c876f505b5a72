"""Which of a run's pipelines its counts of rows are of."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from demo_server.data.cleaning import Cleaned
from demo_server.data.source import DatasetSource
from demo_server.driver.observe import outputs
from demo_server.driver.observe.outputs import Outputs
from demo_server.protocol.driver_messages import Emitted, Message
from demo_server.protocol.events import RowCounts
from demo_server.toolkit.context import Context

# Ray warns of settings of its own when it reads its defaults.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")


@pytest.fixture
def said() -> list[Message]:
    return []


@pytest.fixture
def context(tmp_path: Path, said: list[Message]) -> Context:
    """A run on a file of twelve rows, of which two have no text."""
    context = Context(
        send=said.append,
        source=DatasetSource("nowhere", in_file=12),
        model="",
        device="cpu",
        cpus=2,
        cores=2,
        gpus=0,
        directory=tmp_path,
        own_head=True,
    )
    context.cleaned = Cleaned(kept=10, null=2)
    return context


def vectors(*values: float | None) -> pa.Table:
    lists = [None if value is None else [value] for value in values]
    return pa.table({"embedding": pa.array(lists, pa.list_(pa.float32()))})


def test_rows_are_counted_in_the_pipeline_that_got_most_and_lost_most(
    context: Context, said: list[Message]
) -> None:
    found = Outputs(context)
    for asked, output in (
        (2, vectors(1)),
        (6, vectors(1, 2, 3, 4, 5, 6)),
        (6, vectors(1, float("nan"), None, 4)),
        (6, vectors(1, 2, 3, 4, 5)),
        (3, vectors()),
    ):
        context.expect(asked)
        found.add(output)
    assert found.counts() == RowCounts(
        in_file=12, read=12, dropped=2, left_out=4, lost=2, embedded=2, out=4
    )
    [note] = said
    assert isinstance(note, Emitted)
    assert note.data.text.startswith("2 rows came out without a vector of numbers, the first is ")


def test_rows_that_a_run_leaves_out_on_purpose_are_not_lost(context: Context) -> None:
    context.expect(6)
    context.dropped = 1
    found = Outputs(context)
    found.add(pa.table({"text": ["a"] * 5}))
    assert found.counts() == RowCounts(
        in_file=12, read=12, dropped=2, left_out=5, lost=0, embedded=0, out=5
    )


def test_without_a_known_number_of_rows_nothing_is_counted(context: Context) -> None:
    found = Outputs(context)
    found.add(vectors(1))
    assert found.counts() is None


def test_rows_that_cannot_be_counted_are_a_warning_and_no_failed_run(
    context: Context, said: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise pa.ArrowInvalid("these are not lists")

    monkeypatch.setattr(outputs, "row_counts", fail)
    context.expect(1)
    found = Outputs(context)
    found.add(vectors(1))
    assert found.counts() is None
    [note] = said
    assert isinstance(note, Emitted)
    assert (note.data.level, note.data.text) == (
        "warning",
        "The rows can't be counted: these are not lists",
    )
