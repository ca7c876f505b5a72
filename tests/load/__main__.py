"""`npm run stress -- --seed N --minutes M --clients N [--only NAME]`: play, print, judge."""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.load import document
from tests.load.fuzz import Fuzz
from tests.load.server_process import ServerProcess
from tests.load.storm import Storm, Weather

SHOWN_FAULTS = 20


def main() -> int:
    """Return 0 when nothing was found, 1 when something was."""
    args = _arguments()
    print(f"seed {args.seed}", file=sys.stderr)
    faults: list[str] = []
    for name in args.only or SCENARIOS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="stress-") as directory:
            figures, found = asyncio.run(SCENARIOS[name](args, Path(directory)))
        print(json.dumps({name: figures}, indent=2))
        print(f"{name}: {time.monotonic() - began:.0f} s, {len(found)} faults", file=sys.stderr)
        for fault in found[:SHOWN_FAULTS]:
            print(f"  {fault}", file=sys.stderr)
        faults += found
    return 1 if faults else 0


async def _storm(args: argparse.Namespace, cache: Path) -> tuple[dict[str, Any], list[str]]:
    weather = Weather(
        clients=args.clients,
        seconds=args.minutes * 60,
        reconnects_a_minute=args.reconnects,
        storms=max(1, round(args.minutes * 1.6)),
        restarts=max(1, round(args.minutes * 0.6)),
    )
    storm = Storm(ServerProcess(cache, free_port()), str(args.seed), weather)
    return await storm.play(), storm.faults


async def _fuzz(args: argparse.Namespace, cache: Path) -> tuple[dict[str, Any], list[str]]:
    fuzz = Fuzz(ServerProcess(cache, free_port()), str(args.seed), args.frames)
    return await fuzz.play(), fuzz.faults


async def _cycles(args: argparse.Namespace, cache: Path) -> tuple[dict[str, Any], list[str]]:
    from tests.load.cycles import Cycles

    cycles = Cycles(cache, str(args.seed), args.cycles)
    figures = await asyncio.to_thread(cycles.play)
    bar = "files, processes and memory as before, CPUs idle after each"
    document.keep(f"{args.cycles} start/cancel cycles", cycles.seen(figures), bar, cycles.faults)
    return figures, cycles.faults


SCENARIOS = {"storm": _storm, "fuzz": _fuzz, "cycles": _cycles}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="npm run stress --", description=__doc__)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("--minutes", type=float, default=5.0, help="of the storm")
    parser.add_argument("--clients", type=int, default=300, help="in the storm")
    parser.add_argument("--reconnects", type=int, default=200, help="a minute, besides the storms")
    parser.add_argument("--frames", type=int, default=100_000, help="of the fuzz")
    parser.add_argument("--cycles", type=int, default=200, help="of start and cancel, on real Ray")
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="repeatable")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
