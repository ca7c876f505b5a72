"""What is well with a run and what isn't, from what was seen of it: six checks, no guesses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from demo_server.protocol.events import PADDING_LIMIT, QUESTIONS, Check, Figure

# One core-second in five idle. A steady run of ours keeps 98 to 100% of the cores busy.
BUSY_SHARE = 0.8
# The last call of a block is rarely full; below this it is not only the last.
FULL_SHARE = 0.8
# A call costs Ray about 12 ms (the ladder's batches of 2 against its batches of 256), as much as
# three rows of its last step: at 32 rows a call that is a tenth of the work.
LEAST_ROWS = 32
# A pool that waits longer than this is too large for what feeds it.
WAITED_SHARE = 0.1
# Ray is read every 0.1 s: five readings are the least that mean something.
LEAST_SEEN_S = 0.5

UNOBSERVED = "No call was observed: map_batches, map or flat_map of a plain function or class is."


@dataclass(frozen=True)
class Observed:
    """What was seen of one execution of Ray Data's.

    Attributes:
        models: loaded, as the workers counted them.
        workers: processes that reported calls.
        calls: of the pipeline's class, or function where it has none.
        rows: that those calls were given.
        batch_size: rows that a call was to get, 1 for code that takes rows; None where Ray chose.
        tokens: of the rows that went through the model.
        padding: tokens that were computed in addition.
        device: where the model runs: cuda, mps or cpu.
        cores: of this machine that the run may use.
        here: all workers are on this machine.
        busy: mean share of the cores in use while rows came, None where no whole second was seen.
        seen_s: seconds in which the operator of the calls had work, or should have.
        waited_s: the part of them in which its workers had none.
        queued: the most blocks that waited in front of it.
        rows_in: rows that must come out, None where nobody knows.
        rows_out: rows that came out, None where they can't be counted.
        dropped: rows that the experiment reports as left out.
    """

    models: int = 0
    workers: int = 0
    calls: int = 0
    rows: int = 0
    batch_size: int | None = None
    tokens: int = 0
    padding: int = 0
    device: str = "cpu"
    cores: int = 1
    here: bool = True
    busy: float | None = None
    seen_s: float = 0.0
    waited_s: float = 0.0
    queued: int = 0
    rows_in: int | None = None
    rows_out: int | None = None
    dropped: int = 0


def check(seen: Observed) -> list[Check]:
    """Return every check, in the order in which a run goes wrong."""
    return [looks_at(seen) for looks_at in (loaded, busy, full, padded, fed, complete)]


def loaded(seen: Observed) -> Check:
    """A process loads the model once: more loads than processes are loads in a call."""
    fix = "Load it in __init__ of a class, and run the class with an ActorPoolStrategy."
    if not seen.calls:
        return unknown("loaded", fix, UNOBSERVED)
    if not seen.models:
        why = "No model was seen to load: counters.loaded() where the code loads one counts it."
        return unknown("loaded", fix, why)
    figure = Figure(
        name="loads",
        label=f"in {counted(seen.workers, 'process', 'processes')}",
        value=seen.models,
        unit="load" if seen.models == 1 else "loads",
    )
    return found("loaded", fix, figure, ok=seen.models <= seen.workers)


def busy(seen: Observed) -> Check:
    fix = "Give the actors as many threads together as there are cores: Ray leaves each one."
    if seen.device != "cpu":
        why = f"The model runs on {seen.device}, and only the use of cores is measured."
        return unknown("busy", fix, why)
    if not seen.here:
        return unknown("busy", fix, "The workers may be on other machines than this one.")
    if seen.busy is None:
        why = "Rows came for less than two seconds: give the run more rows."
        return unknown("busy", fix, why)
    figure = Figure(
        name="busy",
        label=f"of {counted(seen.cores, 'core', 'cores')}",
        value=percent(seen.busy),
        unit="%",
    )
    return found("busy", fix, figure, ok=seen.busy >= BUSY_SHARE)


def full(seen: Observed) -> Check:
    """As few calls as the batch size allows are full ones; of a call's rows there must be many."""
    fix = "Cut the data into blocks of whole batches: override_num_blocks=rows // batch_size."
    if not seen.calls or not seen.rows:
        return unknown("full", fix, UNOBSERVED)
    if seen.batch_size is None:
        why = "No batch size is set: Ray chooses what a call gets."
        return unknown("full", fix, why)
    if seen.batch_size < LEAST_ROWS:
        fix = f"Give a call more rows: map_batches with a batch_size from {LEAST_ROWS} up."
    a_call = seen.rows / seen.calls
    figure = Figure(
        name="rows_a_call",
        label=f"a call, of {seen.batch_size:,}",
        value=round(a_call, 1),
        unit="rows",
    )
    share = math.ceil(seen.rows / seen.batch_size) / seen.calls
    few = seen.calls > 1 and a_call < LEAST_ROWS
    return found("full", fix, figure, ok=share >= FULL_SHARE and not few)


def padded(seen: Observed) -> Check:
    fix = "Give a call more rows, sort them by tokens, and cut passes by a budget of tokens."
    if not seen.calls:
        return unknown("padded", fix, UNOBSERVED)
    if not seen.tokens:
        why = "No forward pass was seen: counters.passed(lengths) after each counts it."
        return unknown("padded", fix, why)
    share = seen.padding / (seen.tokens + seen.padding)
    figure = Figure(name="padding", label="of all tokens", value=percent(share), unit="%")
    return found("padded", fix, figure, ok=share < PADDING_LIMIT)


def fed(seen: Observed) -> Check:
    """A queue before the model is well, it always has work; a model that waits is starved."""
    fix = "What comes before is too slow: give that more tasks or CPUs, or take fewer actors."
    if seen.seen_s < LEAST_SEEN_S:
        why = "It worked too short a time to measure: give the run more rows."
        return unknown("fed", fix, why)
    share = seen.waited_s / seen.seen_s
    queue = counted(seen.queued, "block", "blocks")
    figure = Figure(name="waited", label=f"waited; {queue} queued", value=percent(share), unit="%")
    return found("fed", fix, figure, ok=share <= WAITED_SHARE)


def complete(seen: Observed) -> Check:
    fix = "Return each row, also one that fails; rows left out on purpose: context.expect(rows)."
    if seen.rows_out is None:
        why = "The pipeline ends in a write, whose rows Ray doesn't count."
        return unknown("complete", fix, why)
    if seen.rows_in is None:
        why = "How many must come out is not known: context.expect(rows) states it."
        return unknown("complete", fix, why)
    missing = seen.rows_in - seen.dropped - seen.rows_out
    figure = Figure(
        name="rows_lost" if missing >= 0 else "rows_added",
        label=f"{'lost' if missing >= 0 else 'too many'}, of {seen.rows_in:,}",
        value=abs(missing),
        unit="row" if abs(missing) == 1 else "rows",
    )
    return found("complete", fix, figure, ok=missing == 0)


def found(name: str, fix: str, figure: Figure, *, ok: bool) -> Check:
    state: Literal["ok", "warn"] = "ok" if ok else "warn"
    return Check(name=name, state=state, question=QUESTIONS[name], figure=figure, fix=fix)


def unknown(name: str, fix: str, reason: str) -> Check:
    """A check of what was not observed."""
    return Check(name=name, state="unknown", question=QUESTIONS[name], fix=fix, reason=reason)


def counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def percent(share: float) -> float:
    return round(100 * share, 1)
