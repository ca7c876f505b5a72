"""One execution of Ray Data's: what is noted of it while it runs, for the doctor."""

from __future__ import annotations

from dataclasses import dataclass, field

from demo_server.protocol.events import RowsData

# Ray's loop may stand still longer, in a shuffle; nobody saw what went on meanwhile.
LONGEST_GAP_S = 0.5


@dataclass(frozen=True)
class Reading:
    """The operator of the calls, and the pipeline's two ends.

    Attributes:
        active: tasks that the operator works on.
        workers: processes that could: its actors, 1 where it has none.
        queued: blocks in front of it.
        more: blocks may still come.
        rows_in: rows that the pipeline was given, None where that isn't known.
        rows_out: rows out of its last operator, None where that counts something else.
    """

    active: int
    workers: int
    queued: int
    more: bool
    rows_in: int | None
    rows_out: int | None


@dataclass
class Execution:
    """What has been seen until now; see `diagnosis.Observed` for the names.

    Attributes:
        expected: rows that the experiment expects to come out.
        batch_size: rows that a call is to get.
        shares: of the cores in use, one for each whole second in which rows came.
        ended: nothing of it follows.
    """

    now: float
    expected: int | None = None
    batch_size: int | None = None
    models: int = 0
    calls: int = 0
    rows: int = 0
    tokens: int = 0
    padding: int = 0
    workers: set[str] = field(default_factory=set)
    shares: list[float] = field(default_factory=list)
    seen_s: float = 0.0
    waited_s: float = 0.0
    queued: int = 0
    rows_in: int | None = None
    rows_out: int | None = None
    ended: bool = False
    _computing: bool = False

    @property
    def begun(self) -> bool:
        """Rows come: what starts has started."""
        return self.calls > 0 or bool(self.rows_out)

    def receive(self, report: RowsData) -> None:
        """Count what a worker reported."""
        self.models += report.models
        self.calls += report.calls
        self.rows += report.batch_rows or 0
        self.tokens += report.tokens
        self.padding += report.padding
        if report.worker:
            self.workers.add(report.worker)

    def add(self, now: float, reading: Reading) -> None:
        """Add a reading at `now` (seconds); the time since the last one was like this."""
        gap, self.now = min(now - self.now, LONGEST_GAP_S), now
        self.rows_in, self.rows_out = reading.rows_in, reading.rows_out
        idle = max(0.0, 1 - reading.active / reading.workers)
        # At the end some workers are done before the others: nothing is left to feed them with.
        if not self.begun or (idle and not reading.queued and not reading.more):
            return
        self.seen_s += gap
        self.waited_s += gap * idle
        self.queued = max(self.queued, reading.queued)

    def measured(self, share: float) -> None:
        """A second is over in which `share` of the cores was in use."""
        if self._computing and not self.ended:
            self.shares.append(share)
        self._computing = self.begun and not self.ended
