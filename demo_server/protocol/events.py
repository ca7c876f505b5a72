"""What happens in a run: an event, and what each kind of it carries.

A new kind is a model here and a row of `event_kinds`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from demo_server.protocol.base import Frame


class RunStatus(StrEnum):
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)


class StatusData(Frame):
    status: RunStatus
    reason: str | None = None
    place: int | None = Field(default=None, description="place in the queue, 1 is next")


class PlanOperator(Frame):
    name: str = Field(description="as Ray Data names it, e.g. MapBatches(TextEmbedder)")
    detail: str | None = None


class PlanData(Frame):
    operators: list[PlanOperator]
    total_rows: int | None = None
    dataset_rows: int | None = Field(default=None, description="all rows of the dataset, M of N")
    device: str | None = Field(default=None, description="cuda, mps or cpu")
    reason: str | None = Field(default=None, description="why these resources, as a sum")


class OperatorProgress(Frame):
    name: str
    rows: int = Field(description="rows out so far")
    total_rows: int | None = None
    blocks: int = Field(description="blocks out so far")
    queued_blocks: int = Field(description="blocks waiting at its input")
    active_tasks: int = 0
    actors: int = 0


class ProgressData(Frame):
    rows: int = Field(description="rows out of the last operator")
    total: int | None = None
    rate: float | None = Field(
        default=None, description="rows per second, steady; None in the first second of work"
    )
    eta_s: float | None = None
    operators: list[OperatorProgress] = Field(default_factory=list)


class Row(Frame):
    id: str
    text: str = Field(max_length=200)
    embedding: str | None = Field(default=None, description="int8 values, base64")
    scale: float | None = Field(default=None, description="float value = int8 value x scale")
    norm: float | None = None
    dim: int | None = None
    columns: dict[str, str | int | float | bool | None] = Field(default_factory=dict)


class RowsData(Frame):
    rows: list[Row]
    batch_rows: int | None = Field(default=None, description="rows of the batch they came from")
    batch_seconds: float | None = None
    work: float = Field(
        default=0, description="the batch's share of its call's text, in rows of average length"
    )
    finished_at: float | None = Field(
        default=None, description="when the batch left the model: Unix time in ms"
    )
    worker: str | None = Field(default=None, description="the process that made them")
    calls: int = Field(default=0, description="calls that it began since its last report")
    models: int = Field(default=0, description="models that it loaded since then")
    tokens: int = Field(default=0, description="tokens that its model read since then")
    padding: int = Field(default=0, description="tokens that it computed in addition")


class ActorMetrics(Frame):
    pid: int
    state: str
    memory_bytes: int


class MetricsData(Frame):
    cpu_percent: float = Field(description="of all cores together, 0 to 100")
    cpus: int
    memory_bytes: int
    memory_total_bytes: int
    object_store_bytes: int
    object_store_total_bytes: int
    actors: list[ActorMetrics] = Field(default_factory=list)


class NoteData(Frame):
    text: str
    level: Literal["info", "warning"] = "info"


class SchemaColumn(Frame):
    name: str
    type: str


class Figure(Frame):
    """A number that came out of the run."""

    name: str = Field(description="a stable word, e.g. freed_bytes")
    label: str
    value: float | str
    unit: str | None = None


# Of all tokens computed. Sorted by length, the ladder's passes take half of what they took before.
PADDING_LIMIT = 0.2
# What the doctor asks of each run, by the names of its checks: a slide shows it before the run.
QUESTIONS = {
    "loaded": "Is the model loaded once?",
    "busy": "Are the cores busy?",
    "full": "Are the batches full?",
    "padded": f"Is padding under {PADDING_LIMIT:.0%}?",
    "fed": "Is the model always fed?",
    "complete": "Did every row come out?",
}


class Check(Frame):
    """What the doctor found about one thing in a run."""

    name: str = Field(description="of one of QUESTIONS")
    state: Literal["ok", "warn", "unknown"] = Field(description="unknown: it was not measured")
    question: str
    figure: Figure | None = None
    fix: str = Field(description="how to fix it where it is not ok")
    reason: str | None = Field(default=None, description="why it was not measured")


class ChecksData(Frame):
    """What the doctor found about the whole run."""

    checks: list[Check]


class RowCounts(Frame):
    """Where the rows went, from the file to the result: read = dropped + left_out + lost + out.

    Where a run has several pipelines, in the one that got most rows; of those, that lost most.
    """

    in_file: int | None = Field(description="None where nothing but reading it counts them")
    read: int
    dropped: int = Field(description="read, and without a text")
    left_out: int = Field(0, description="with a text, and not asked for or left out on purpose")
    lost: int = Field(0, description="taken, and not out; below 0 where more came out than went in")
    embedded: int = Field(description="out, with a vector of finite numbers")
    out: int


class VectorAgreement(Frame):
    """How close the vectors of a run's engine are to those of `encode`."""

    cosine: float = Field(description="the lowest of any row compared")
    rows: int = Field(description="rows of the dataset that were compared")


class ResultData(Frame):
    before: str | None = Field(default=None, description="print(ds) of the original dataset")
    after: str | None = Field(default=None, description="print(ds) of the materialized one")
    columns: list[SchemaColumn] = Field(default_factory=list)
    rows: int | None = None
    counts: RowCounts | None = None
    blocks: int | None = None
    bytes: int | None = None
    first_rows: list[Row] = Field(default_factory=list)
    stats: str | None = None
    seconds: float | None = None
    agreement: VectorAgreement | None = Field(
        default=None, description="None for encode itself, and where it was not measured"
    )
    figures: list[Figure] = Field(default_factory=list)


class FailureData(Frame):
    exception: str
    message: str
    cause: str | None = None
    remedy: str | None = None
    expected: bool = False


class StepData(Frame):
    """What one step of a comparison took; steps are compared with each other, in their order."""

    title: str
    rows: int = Field(description="rows that came out")
    seconds: float = Field(description="from the end of the first call to the last row")
    start_s: float = Field(description="seconds before that: processes start and load")
    cost_s: float = Field(description="seconds for 1,000 rows")
    rate: float = Field(description="rows per second")


class ForwardPass(Frame):
    tokens: int = Field(description="of its rows")
    padding: int = Field(description="tokens that make all its rows as long as the longest")


class PassesData(Frame):
    """The forward passes of a step, in their order."""

    passes: list[ForwardPass]


class OutcomeData(Frame):
    """What came of one form of some code: it raised, lost rows silently, or worked."""

    title: str
    outcome: Literal["raised", "silent", "worked"]
    rows_in: int
    rows_out: int | None = Field(default=None, description="None where it raised")
    exception: str | None = Field(default=None, description="the class of what it raised")
    message: str | None = Field(
        default=None, description="the exception's own words, or what happens without one"
    )
    remedy: str | None = None
    processes: int | None = Field(default=None, description="that did the work, where it is known")


class ExportData(Frame):
    """What one way out of Ray takes for 1,000 rows of a result."""

    write_s: float = Field(description="seconds to write, or to collect in the driver")
    memory_bytes: float = Field(description="that the driver's process grew by")
    disk_bytes: float | None = Field(default=None, description="None where nothing is written")
    read_s: float | None = Field(default=None, description="seconds to read it back")


class ComparisonData(Frame):
    """What the steps of a run come to together."""

    ratio: float = Field(description="the cost of the first step, as a multiple of the least cost")
    cosine: float = Field(description="the lowest of any row's embeddings in two steps")
    seconds: float | None = Field(default=None, description="that all steps took")


class Point(Frame):
    """One point of the chart."""

    t: int
    rows: int
    rate: float | None


class Event(Frame):
    """An event of any kind; its `data` is the model of that kind."""

    seq: int = Field(ge=1)
    t: int = Field(ge=0, description="ms since accepted, monotonic")
    stage: str | None = None
    kind: str
    data: Any
