"""What a run folds to: the state that a slide shows."""

from __future__ import annotations

from pydantic import Field

from demo_server.protocol.base import Frame
from demo_server.protocol.events import (
    FailureData,
    MetricsData,
    NoteData,
    PlanData,
    ProgressData,
    ResultData,
    Row,
    RowsData,
    StatusData,
)


class Point(Frame):
    """One point of the chart."""

    t: int
    rows: int
    rate: float | None


class StageState(Frame):
    plan: PlanData | None = None
    progress: ProgressData | None = None
    metrics: MetricsData | None = None
    result: ResultData | None = None
    failure: FailureData | None = None
    rows: list[Row] = Field(default_factory=list, description="the newest, oldest first")
    rows_seen: int = 0
    batch: RowsData | None = Field(default=None, description="the last batch, its rows left out")
    notes: list[NoteData] = Field(default_factory=list)
    points: list[Point] = Field(default_factory=list)
    points_seen: int = 0
    stride: int = Field(default=1, description="every stride-th point is kept")


class RunState(Frame):
    seq: int = 0
    t: int = 0
    status: StatusData | None = None
    stages: dict[str, StageState] = Field(
        default_factory=dict, description="by stage, '' where an event names none"
    )
