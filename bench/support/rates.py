"""Rows a second out of when rows arrived, and medians over rounds; numbers only."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

Arrival = tuple[float, int]
"""Unix time in seconds, and how many rows were embedded then."""


@dataclass(frozen=True)
class Rates:
    """Rows a second: `steady` from the first to the last row, `total` from nothing to all.

    `run` is from the begin of a run, when Ray is up, to all; None for one without Ray.
    """

    steady: float
    total: float
    run: float | None = None


def rates(
    began_at: float,
    done_at: float,
    rows: int,
    arrivals: Sequence[Arrival],
    called_at: float | None = None,
    run_at: float | None = None,
) -> Rates:
    """Return the rates of one contender in one round.

    Steady leaves out the rows that come with the first arrival, because the time before it is
    start-up. Where no rows can be seen coming, it is from the call to its end, all rows.

    Raises:
        ValueError: the times go back, or say nothing about the pace.
    """
    total = pace(rows, done_at - began_at)
    run = None if run_at is None else pace(rows, done_at - run_at)
    if called_at is not None:
        return Rates(pace(rows, done_at - called_at), total, run)
    if len(arrivals) < 2:
        raise ValueError("fewer than two arrivals: there is no pace between them")
    (first_at, first_rows), (last_at, _) = arrivals[0], arrivals[-1]
    return Rates(pace(sum(n for _, n in arrivals) - first_rows, last_at - first_at), total, run)


def pace(rows: int, seconds: float) -> float:
    """Return rows a second.

    Raises:
        ValueError: no time has passed.
    """
    if seconds <= 0:
        raise ValueError(f"{rows} rows in {seconds:.3f} s: that gives no rate")
    return rows / seconds


def median_rates(rounds: Sequence[Rates]) -> Rates:
    """Return the medians of several rounds, each figure for itself."""
    runs = [one.run for one in rounds if one.run is not None]
    return Rates(
        statistics.median(one.steady for one in rounds),
        statistics.median(one.total for one in rounds),
        statistics.median(runs) if runs else None,
    )


def median_ratio(ours: dict[int, float], theirs: dict[int, float]) -> float:
    """Return the median of the ratios of those rounds, by number, that both have.

    Two contenders of one round had the same machine at nearly the same time, which two medians of
    all rounds needn't have.

    Raises:
        ValueError: no round has both.
    """
    both = ours.keys() & theirs.keys()
    if not both:
        raise ValueError("no round has both")
    return statistics.median(ours[number] / theirs[number] for number in both)


def flops(lengths: Sequence[int], layers: int, hidden: int, inner: int) -> float:
    """Return the floating-point operations of a BERT encoder over rows of these token counts.

    A multiplication and an addition are two. A token meets four hidden x hidden and two hidden x
    inner matrices a layer; attention's two products take 4 * tokens^2 * hidden a row and layer.
    What isn't a matrix product is left out.
    """
    tokens = sum(lengths)
    squares = sum(length * length for length in lengths)
    matrices = 2 * tokens * (4 * hidden * hidden + 2 * hidden * inner)
    return float(layers * (matrices + 4 * squares * hidden))
