"""What runs in place of a pipeline's code: the same code, which also reports rows of every pass.

`observed` returns a subclass of a callable class, or a function that calls a function. Both report
to the run's mailbox what comes out: models of ours pass by pass, those of sentence-transformers
too, any other code call by call.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from ray.actor import ActorHandle

from demo_server.driver.observe import library
from demo_server.driver.observe.mailbox import find_mailbox
from demo_server.embedding import counters
from demo_server.embedding.batching import Array
from demo_server.toolkit.sample import (
    SAMPLE_ROWS,
    Batch,
    length,
    row_of,
    sample_batch,
    sample_row,
)

MIN_INTERVAL_S = 0.05
# Of a text: most models read no more, and the tokens that begin and end it are work too.
MOST_CHARACTERS, LEAST_CHARACTERS = 1000, 8

_steps = itertools.count(1)


def observed(udf: Any, text_column: str | None = None) -> Any:
    """Return a subclass of a callable class that reports samples of what `__call__` returns.

    Of a function: one that does the same. Each has a number of its own, its `step`. What can't be
    called as a plain function, such as a coroutine, is returned as it is.
    """
    call = udf.__call__ if isinstance(udf, type) else udf
    if (
        not hasattr(udf, "__name__")
        or inspect.iscoroutinefunction(call)
        or inspect.isasyncgenfunction(call)
    ):
        return udf
    step = next(_steps)
    return (
        observed_class(udf, step, text_column)
        if isinstance(udf, type)
        else observed_function(udf, step, text_column)
    )


def observed_class(udf: Any, step: int, text_column: str | None) -> Any:
    class Observed(udf):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._reporter = Reporter(find_mailbox(), step, text_column)
            for value in list(vars(self).values()):
                library.watch(value, self._reporter.passed_texts)

        def __call__(self, batch: Any, *args: Any, **kwargs: Any) -> Any:
            return self._reporter.call(super().__call__, batch, *args, **kwargs)

    Observed.observed_step = step
    # Ray names the operator after the class, so it keeps the name that the slide shows.
    Observed.__name__, Observed.__qualname__, Observed.__doc__ = (
        udf.__name__,
        udf.__qualname__,
        udf.__doc__,
    )
    return Observed


def observed_function(udf: Any, step: int, text_column: str | None) -> Any:
    @functools.wraps(udf)
    def reporting(batch: Any, *args: Any, **kwargs: Any) -> Any:
        return process_reporter(step, text_column).call(udf, batch, *args, **kwargs)

    reporting.observed_step = step  # type: ignore[attr-defined]
    return reporting


def step_of(udf: Any) -> int | None:
    """Return the number of what `observed` made, None of anything else."""
    step: int | None = getattr(udf, "observed_step", None)
    return step


@functools.cache
def process_reporter(step: int, text_column: str | None) -> Reporter:
    """The reporter of the tasks of one step that run in this process."""
    return Reporter(find_mailbox(), step, text_column)


def as_batch(result: Any) -> Batch:
    """Return a batch as it is, a row as a batch of one, and anything else as one of nothing."""
    if isinstance(result, pa.Table):
        return result
    if not isinstance(result, Mapping):
        return {}
    if any(isinstance(value, str) for value in result.values()):
        return {name: [value] for name, value in result.items()}
    return result


def work_of(texts: Sequence[object], rows: int) -> Array:
    """Return how much work each row of a call is, by its text, where the average row is 1.

    A pass has texts of like length: in a call that goes by length the first ones tell nothing of
    the others. What has no text for each row is taken to be equal.

    Returns:
        shape (rows,).
    """
    if rows == 0 or len(texts) != rows:
        return np.ones(rows)
    characters = [len(text) if isinstance(text, str) else 0 for text in texts]
    work = np.clip(characters, 0, MOST_CHARACTERS) + LEAST_CHARACTERS
    return np.asarray(work / work.mean())


class Reporter:
    """Sends samples to the run's mailbox, if there is one, without waiting for it."""

    def __init__(
        self, mailbox: ActorHandle[Any] | None, step: int = 0, text_column: str | None = None
    ) -> None:
        self._mailbox, self._step, self._text_column = mailbox, step, text_column
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._offset = 0  # rows of the calls before this one
        self._sent_at = -MIN_INTERVAL_S
        self._batch: Batch = {}
        self._rows_of: dict[str, list[int]] | None = None
        self._weights: Array | None = None
        self._call_began = self._began = 0.0
        self._seconds = 0.0
        self._reported = self._count = self._calls = 0
        self._worked = self._work = 0.0
        self._sample: list[dict[str, Any]] = []

    def call(self, udf: Callable[..., Any], batch: Any, *args: Any, **kwargs: Any) -> Any:
        """Call `udf`; report its passes over `batch` while it computes, then what it returns."""
        self.begin(batch)
        with counters.listening(self.passed):
            result = udf(batch, *args, **kwargs)
        self.finish(result)
        return result

    def begin(self, batch: Any) -> None:
        """A call begins."""
        self._batch = as_batch(batch)
        self._rows_of = self._weights = None
        self._call_began = self._began = time.perf_counter()
        self._reported, self._worked = 0, 0.0
        self._calls += 1

    def passed(self, rows: Any, vectors: Any) -> None:
        """Report a forward pass over `rows`, indices into the call's batch.

        Args:
            rows: shape (rows,).
            vectors: what they became, shape (rows, dim).
        """
        self._reported += len(rows)
        if self._mailbox is None:
            return
        wanted = min(SAMPLE_ROWS, len(rows))
        sample = []
        for at in [k * len(rows) // wanted for k in range(wanted)]:
            row = int(rows[at])
            columns = row_of(self._batch, row) | {"embedding": vectors[at]}
            sample.append(sample_row(columns, self._offset + row, self._text_column))
        if self._weights is None:
            self._weights = work_of(self._texts(), length(self._batch))
        # A batch that is neither a table nor a mapping has no texts here.
        work = float(self._weights[rows].sum()) if self._weights.size else float(len(rows))
        self._worked += work
        self._add(sample, len(rows), work)

    def passed_texts(self, texts: Sequence[str], vectors: Any) -> None:
        """Report a forward pass over texts of the call's batch; others are not rows of it."""
        if self._rows_of is None:
            self._rows_of = {}
            for row, text in enumerate(self._texts()):
                self._rows_of.setdefault(text, []).append(row)
        found = [(rows.pop(0), at) for at, t in enumerate(texts) if (rows := self._rows_of.get(t))]
        if found:
            self.passed([row for row, _ in found], vectors[[at for _, at in found]])

    def _texts(self) -> Sequence[str]:
        """Return the texts of the call's batch, none where it has no such column."""
        batch, column, texts = self._batch, self._text_column or "", ()
        if not isinstance(batch, pa.Table):
            texts = batch.get(column, ())
        elif column in batch.column_names:
            texts = batch[column].to_pylist()
        return texts

    def finish(self, result: Any) -> None:
        """The call returns `result`: rows that no pass has reported are, if it has columns."""
        batch = as_batch(result)
        rows = length(batch)
        if self._mailbox is None or not rows:
            return
        if self._reported < rows:
            sample = sample_batch(batch, SAMPLE_ROWS, self._text_column, self._offset)
            self._add(sample, rows - self._reported, rows - self._worked)
        self._offset += rows
        # Calls that come fast are reported together; a slow one to its last row.
        if self._count and time.perf_counter() - self._call_began >= MIN_INTERVAL_S:
            self._send()

    def _add(self, sample: list[dict[str, Any]], count: int, work: float) -> None:
        """Send at most 20 samples a second; what comes faster is counted in the next."""
        now = time.perf_counter()
        self._seconds += now - self._began
        self._began = now
        self._count += count
        self._work += work
        self._sample = sample
        if now - self._sent_at >= MIN_INTERVAL_S:
            self._send()

    def _send(self) -> None:
        assert self._mailbox is not None
        self._sent_at = time.perf_counter()
        self._mailbox.put.remote(
            {
                "step": self._step,
                "rows": self._sample,
                "batch_rows": self._count,
                "batch_seconds": self._seconds,
                "work": self._work,
                "finished_at": time.time() * 1000,
                "worker": self._worker,
                "calls": self._calls,
                **counters.take(),
            }
        )
        self._count, self._calls, self._seconds, self._work = 0, 0, 0.0, 0.0
