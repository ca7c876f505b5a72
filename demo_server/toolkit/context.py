"""What an experiment is made of: the names that a file in `demo_server/experiments/` imports.

A module there declares `Params`, a subclass of `Parameters`, and `run(params, context)`; what
`run` returns, if anything, is held for the experiments that ask it afterwards. The first line of
its docstring is its title. It may also declare `needs`, `defaults(machine)`, `uses_held`,
`actions`: the names of what a running one offers in `context.actions`, `stages`: the titles of what
it compares, by the names of their stages and in their order, and `preloads`: lists of modules, each
for a worker process that stands ready with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from demo_server.data.cleaning import Cleaned
from demo_server.data.source import DatasetSource
from demo_server.embedding import agreement, conversion
from demo_server.embedding.device import Device
from demo_server.embedding.registry import find
from demo_server.embedding.transformer import EngineError
from demo_server.protocol.base import Frame
from demo_server.protocol.driver_messages import Message, Needs, emitted
from demo_server.protocol.errors import PrestartError, RunError
from demo_server.protocol.events import (
    FailureData,
    Figure,
    NoteData,
    ResultData,
    RowCounts,
    RowsData,
    VectorAgreement,
)
from demo_server.ray_internals.prestart import prestart
from demo_server.toolkit.failure import explain, release

WAITS = (
    "The model is prepared for the fast engines and their vectors are compared with those of "
    "encode, once: the run waits for it."
)

__all__ = ["Context", "Defaults", "Machine", "Needs", "Parameters", "RunError"]


class Parameters(BaseModel):
    """Base of an experiment's `Params`: an unknown or out-of-range value is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Machine(BaseModel):
    """What defaults are worked out from; `rate` is None until this machine was measured.

    `rate` is that of the default engine, in rows a second; `rates` has all, by engine.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    cpus: int
    device: Device = "cpu"
    rate: float | None = None
    rates: dict[str, float] | None = None
    dataset_rows: int


@dataclass(frozen=True)
class Defaults:
    """Parameters for a machine, and in a sentence why these."""

    values: dict[str, JsonValue]
    reason: str


@dataclass
class Context:
    """What a run may use in addition to its parameters, and how it reports what happens."""

    send: Callable[[Message], None]
    source: DatasetSource
    model: str
    device: Device
    cpus: int
    cores: int
    gpus: float
    directory: Path
    own_head: bool
    held: Any = None
    end_ray: bool = False
    total: int | None = None
    reason: str | None = None
    dropped: int = 0  # rows that the pipeline left out on purpose: they are not lost
    cleaned: Cleaned = field(default_factory=lambda: Cleaned(kept=0))  # of what was read
    prestarted: bool = False  # the run has asked for processes of its own
    imports: tuple[str, ...] = ()  # for the processes of code that is not an engine's class
    stage: str | None = None
    worker: str | None = None  # host:pid of the process that the last sample rows came from
    reports: list[RowsData] = field(default_factory=list)  # of workers in this run, without rows
    counts: Callable[[], RowCounts | None] = lambda: None  # of what has come out until now
    counted: bool = False  # a result has them
    actions: dict[str, Callable[[dict[str, JsonValue]], None]] = field(default_factory=dict)

    def threads(self, actors: int) -> int:
        """Threads of each of `actors`: together all the cores that this machine lets us use.

        Ray gives the libraries of an actor one thread for each CPU that it sets aside; the other
        cores would be idle.
        """
        return max(1, self.cores // actors)

    def model_for(self, engine: str) -> str:
        """Return the model as an engine of that name reads it.

        Waits for a fast engine's comparison with `encode`, once for each model, and notes it.

        Raises:
            RunError: this machine can't run the engine, or not this model.
        """
        waits = partial(self.note, WAITS)
        try:
            return conversion.model_for(engine, self.model, self.source, waits)
        except EngineError as error:
            raise RunError(str(error)) from error

    def embedder(self, engine: str = "TextEmbedder", *, actors: int) -> dict[str, Any]:
        """What an engine's class is constructed with when `actors` of them share the cores."""
        return {
            "model": self.model_for(engine),
            "column": self.source.text_column,
            "threads": self.threads(actors),
        }

    def note_cleaned(self, cleaned: Cleaned) -> None:
        """Keep what was read, and note how many rows have no text and which the model cuts."""
        self.cleaned = cleaned
        if cleaned.dropped or cleaned.long:
            self.note(str(cleaned))

    def agreement(self, engine: str) -> VectorAgreement | None:
        """Return how close an engine's vectors are to those of `encode`, if that was measured."""
        found = (agreement.known(self.model) or {}).get(engine) if find(engine).compared else None
        if found is None or found.cosine is None:
            return None
        return VectorAgreement(cosine=found.cosine, rows=found.rows)

    def gpus_per_actor(self, actors: int) -> float:
        """`num_gpus`: actors share the devices that Ray counts, which are CUDA's only."""
        if self.device != "cuda" or self.gpus == 0:
            return 0
        share = self.gpus / actors
        return share if share < 1 else 1

    def prestart(self, *modules: str) -> None:
        """Have one more such process made ready, for an actor later in this run."""
        if self.own_head:
            self.prestarted = True
            try:
                prestart(modules, 1)
            except PrestartError as error:
                self.note(str(error), "warning")

    def emit(self, data: Frame) -> None:
        """Send one event of this run, in the stage that it is in; its kind is the one of `data`."""
        self.send(emitted(data, self.stage))

    def receive(self, rows: RowsData) -> None:
        """Keep which worker reported how many rows, and when."""
        self.worker = rows.worker
        self.reports.append(rows.model_copy(update={"rows": []}))

    @contextmanager
    def staged(self, name: str) -> Iterator[None]:
        """Name the phase that the events of this block belong to."""
        before, self.stage = self.stage, name
        try:
            yield
        finally:
            self.stage = before

    def expect(self, total: int, reason: str | None = None) -> None:
        """State how many rows will come out, and why the run is arranged as it is."""
        self.total, self.reason = total, reason

    def note(self, text: str, level: Literal["info", "warning"] = "info") -> None:
        self.emit(NoteData(text=text, level=level))

    def failed(self, error: BaseException, *, remedy: str | None = None) -> FailureData:
        """Report a failure that was the lesson: the run goes on."""
        data = explain(error, expected=True)
        if remedy:
            data.remedy = remedy
        self.emit(data)
        release(error)
        return data

    def result(self, data: ResultData) -> None:
        """Report a result; that of the run, and not of a stage, has its counts of rows."""
        if self.stage is None:
            if data.counts is None:
                data = data.model_copy(update={"counts": self.counts()})
            self.counted = data.counts is not None
        self.emit(data)

    def figures(self, *figures: Figure) -> None:
        """A result that is only numbers."""
        self.result(ResultData(figures=list(figures)))
