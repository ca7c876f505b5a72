"""What came out of a run's pipelines, kept until the run's result has its counts of rows.

The code on a slide calls `materialize` and `take_batch` as it would in a notebook, and may drop
what they return.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import ray
from ray.data import Dataset
from ray.data.block import BlockAccessor
from ray.data.dataset import MaterializedDataset

from demo_server.protocol.events import ResultData, RowCounts
from demo_server.toolkit.context import Context
from demo_server.toolkit.failure import explain
from demo_server.toolkit.result import row_counts

Output: TypeAlias = MaterializedDataset[Any] | pa.Table

METHODS = ("materialize", "take_batch")
# Whose calls read what has come out already.
READERS = ("ray.", "demo_server.toolkit.")


@dataclass
class Outputs:
    """The output of the pipeline that got most rows; of those, of the one that lost most."""

    context: Context
    output: Output | None = None
    asked: int = 0
    rows: int = 0

    def add(self, output: Output) -> None:
        """Add what came out of a pipeline; without a known number of rows there is no count."""
        asked = self.context.total
        rows = output.num_rows if isinstance(output, pa.Table) else output.count()
        if asked is None or self.context.cleaned.kept == 0:
            return
        if self.output is None or (asked, -rows) > (self.asked, -self.rows):
            self.output, self.asked, self.rows = output, asked, rows

    def counts(self) -> RowCounts | None:
        """Return where the rows went, None where that isn't known; no run fails for it."""
        if self.output is None:
            return None
        try:
            return row_counts(self.output, self.context, self.asked)
        except (pa.ArrowException, ray.exceptions.RayError) as error:
            self.context.note(f"The rows can't be counted: {explain(error).message}", "warning")
            return None


@contextmanager
def counting(context: Context) -> Iterator[None]:
    """Count the rows of a run for its result; one that reports no result has these counts alone."""
    outputs = Outputs(context)
    context.counts = outputs.counts
    originals = {name: getattr(Dataset, name) for name in METHODS}
    for name, original in originals.items():
        setattr(Dataset, name, adding(original, outputs))
    try:
        yield
        if not context.counted and (counts := outputs.counts()):
            context.result(ResultData(counts=counts))
    finally:
        for name, original in originals.items():
            setattr(Dataset, name, original)


def adding(original: Callable[..., Any], outputs: Outputs) -> Callable[..., Any]:
    """Return a method that adds what `original` returns, if the run's own code calls it."""

    @functools.wraps(original)
    def method(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if not sys._getframe(1).f_globals.get("__name__", "").startswith(READERS):
            outputs.add(
                result
                if isinstance(result, MaterializedDataset)
                else BlockAccessor.for_block(BlockAccessor.batch_to_block(result)).to_arrow()
            )
        return result

    return method
