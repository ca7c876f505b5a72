"""`npm run faults -- [NAME…]`: kill what is below the server, and write what the slide shows.

Each fault replaces its line in docs/RELIABILITY.md as soon as it is done; without a name all are
done, and the page is written again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from contextlib import suppress

from tests.faults import document
from tests.faults.cluster import node
from tests.faults.conditions import CONDITIONS
from tests.faults.deaths import DEATHS, Fault
from tests.faults.outcome import Outcome, not_performed
from tests.faults.stage import Stage

LOCAL = DEATHS | CONDITIONS
NODE = "node"
WHAT = {name: fault.what for name, fault in LOCAL.items()} | {
    NODE: "a worker node of two: `kill -9`"
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="npm run faults --", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(WHAT)}")
    asked = parser.parse_args().names
    unknown = [name for name in asked if name not in WHAT]
    if unknown:
        parser.error(f"there is no fault {unknown[0]!r}; there are: {', '.join(WHAT)}")
    if not asked:
        document.begin()
    began = time.monotonic()
    outcomes = asyncio.run(perform(asked or list(WHAT)))
    rows = [document.row(WHAT[name], outcome) for name, outcome in outcomes.items()]
    print(document.table(rows))
    report(f"{len(outcomes)} faults in {(time.monotonic() - began) / 60:.1f} minutes")
    return 1 if any(outcome.missed for outcome in outcomes.values()) else 0


async def perform(names: list[str]) -> dict[str, Outcome]:
    """Do them one after the other, those of the local Ray on one server as long as it serves."""
    outcomes: dict[str, Outcome] = {}
    stage: Stage | None = None
    local = [name for name in names if name != NODE]
    for name in local:
        report(name)
        try:
            stage = stage or Stage()
            outcome = await one(stage, LOCAL[name])
        except Exception as error:  # whatever it is: its line says so, and the next one is done
            outcome = not_performed(error)
        if stage and (not outcome.shown or name == local[-1]):
            outcome.left += await stage.end()
            stage = None
        outcomes[name] = done(name, outcome)
    if NODE in names:
        report(NODE)
        try:
            outcome = await node()
        except Exception as error:  # as above
            outcome = not_performed(error)
        outcomes[NODE] = done(NODE, outcome)
    return outcomes


async def one(stage: Stage, fault: Fault) -> Outcome:
    """Perform a fault on a server that is ready, and see how long that did not answer."""
    await stage.ready()
    stage.outage_s = 0.0
    watching = asyncio.create_task(stage.watch_health())
    try:
        outcome = await fault.perform(stage)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    outcome.outage_s = stage.outage_s
    return outcome


def done(name: str, outcome: Outcome) -> Outcome:
    """Keep it at once: a later one may need too long."""
    report(outcome)
    document.keep(document.row(WHAT[name], outcome))
    return outcome


def report(what: object) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
