"""`live(TextEmbedder)`: the same class, which also shows a few rows of every forward pass.

A class that has a method `passed(batch, rows, vectors)`, to call after each, is heard there; of
any other what `__call__` returns is shown.

A function is wrapped as well, and what takes rows instead of batches.

This wrapper is all that a slide's pipeline has beside what its code says. Without a run to
report to, in a notebook for instance, the class does exactly what it did.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import ray
from ray.actor import ActorHandle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from demo_server.embedding import counters
from demo_server.ray_internals.actors import MAILBOX
from demo_server.toolkit.sample import sample_batch, sample_row

SAMPLE_ROWS = 4
MIN_INTERVAL_S = 0.05
MAX_WAITING = 256

Udf = TypeVar("Udf", bound=Callable[..., Any])


def live(udf: Udf) -> Udf:
    """Return a subclass of a callable class that reports samples of what `__call__` returns.

    Of a function: one that does the same.
    """
    if not isinstance(udf, type):
        reporting: Udf = live_function(udf)
        return reporting

    class Live(udf):  # type: ignore[misc,valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._reporter = Reporter(find_mailbox())

        def __call__(self, batch: Any) -> Any:
            self._reporter.begin()
            result = super().__call__(batch)
            self._reporter.finish(as_batch(result), getattr(self, "column", None))
            return result

        def passed(self, batch: Any, rows: Any, vectors: Any) -> None:
            self._reporter.passed(batch, rows, vectors, getattr(self, "column", None))

    mark(Live)
    # Ray names the operator after the class, so it keeps the name that the slide shows.
    Live.__name__, Live.__qualname__, Live.__doc__ = udf.__name__, udf.__qualname__, udf.__doc__
    return Live  # type: ignore[return-value]


def live_function(udf: Any) -> Any:
    """Return a function that reports what `udf` returns, from each process that runs it."""

    @functools.wraps(udf)
    def reporting(batch: Any) -> Any:
        reporter = process_reporter()
        reporter.begin()
        result = udf(batch)
        reporter.finish(as_batch(result), None)
        return result

    mark(reporting)
    return reporting


def mark(udf: Any) -> None:
    udf.is_live = True


def is_live(udf: Any) -> bool:
    """Whether `live` made it."""
    return getattr(udf, "is_live", False) is True


@functools.cache
def process_reporter() -> Reporter:
    """The reporter of the tasks that run in this process, all of the same job."""
    return Reporter(find_mailbox())


def as_batch(result: Any) -> Any:
    """Return a row as a batch of one; a batch is left as it is."""
    if not isinstance(result, Mapping) or not any(isinstance(v, str) for v in result.values()):
        return result
    return {name: [value] for name, value in result.items()}


class Reporter:
    """Sends samples to the run's mailbox, if there is one, without waiting for it."""

    def __init__(self, mailbox: ActorHandle[Any] | None) -> None:
        self._mailbox = mailbox
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._offset = 0  # rows of the calls before this one
        self._sent_at = -MIN_INTERVAL_S
        self._call_began = self._began = 0.0
        self._seconds = 0.0
        self._told = self._count = self._calls = 0
        self._sample: list[dict[str, Any]] = []

    def begin(self) -> None:
        """A call of the class begins."""
        self._call_began = self._began = time.perf_counter()
        self._told = 0
        self._calls += 1

    def passed(self, batch: Any, rows: Any, vectors: Any, text_column: str | None) -> None:
        """Tell of a forward pass over `rows`, indices into `batch`: their `vectors` are there."""
        self._told += len(rows)
        if self._mailbox is None:
            return
        columns = {**batch, "embedding": vectors}
        wanted = min(SAMPLE_ROWS, len(rows))
        sample = [
            sample_row(
                {name: column[i] for name, column in columns.items()},
                self._offset + int(i),
                text_column,
            )
            for i in rows[[k * len(rows) // wanted for k in range(wanted)]]
        ]
        self._add(sample, len(rows))

    def finish(self, result: Any, text_column: str | None) -> None:
        """The call returns `result`: what has not been told of it is, if it has columns."""
        if self._mailbox is None or not isinstance(result, Mapping) or not result:
            return
        length = len(next(iter(result.values())))
        if not self._told:
            self._add(sample_batch(result, SAMPLE_ROWS, text_column, self._offset), length)
        self._offset += length
        # Calls that come fast are told of together; a slow one to its last row.
        if self._count and time.perf_counter() - self._call_began >= MIN_INTERVAL_S:
            self._send()

    def _add(self, sample: list[dict[str, Any]], count: int) -> None:
        """Send at most 20 samples a second; what comes faster is counted in the next."""
        now = time.perf_counter()
        self._seconds += now - self._began
        self._began = now
        self._count += count
        self._sample = sample
        if now - self._sent_at >= MIN_INTERVAL_S:
            self._send()

    def _send(self) -> None:
        assert self._mailbox is not None
        self._sent_at = time.perf_counter()
        self._mailbox.put.remote(
            {
                "rows": self._sample,
                "batch_rows": self._count,
                "batch_seconds": self._seconds,
                "finished_at": time.time() * 1000,
                "worker": self._worker,
                "calls": self._calls,
                **counters.take(),
            }
        )
        self._count, self._calls, self._seconds = 0, 0, 0.0


class Mailbox:
    """Where workers leave samples and the driver takes them; keeps the newest."""

    def __init__(self) -> None:
        self._samples: deque[dict[str, Any]] = deque(maxlen=MAX_WAITING)
        self._arrived = asyncio.Event()

    async def put(self, sample: dict[str, Any]) -> None:
        self._samples.append(sample)
        self._arrived.set()

    async def wake(self) -> None:
        """Let who waits for samples go on without any."""
        self._arrived.set()

    async def take(self, wait_s: float) -> list[dict[str, Any]]:
        """Return what has arrived, waiting up to `wait_s` for the first sample."""
        try:
            await asyncio.wait_for(self._arrived.wait(), wait_s)
        except TimeoutError:
            return []
        self._arrived.clear()
        samples, self._samples = list(self._samples), deque(maxlen=MAX_WAITING)
        return samples


def open_mailbox() -> ActorHandle[Any]:
    """Create this job's mailbox, on the driver's node; it takes no CPU and ends with the job.

    A node asked for softly is not kept to: Ray starts an actor without CPUs on any.
    """
    actor: Any = ray.remote(Mailbox)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = actor.options(name=MAILBOX, num_cpus=0, scheduling_strategy=here)
    mailbox: ActorHandle[Any] = options.remote()
    ray.get(mailbox.take.remote(0))
    return mailbox


def find_mailbox() -> ActorHandle[Any] | None:
    """Return the mailbox of the job that this process works for, None if it has none."""
    if not ray.is_initialized():
        return None
    try:
        handle: ActorHandle[Any] = ray.get_actor(MAILBOX)
    except ValueError:
        return None
    return handle
