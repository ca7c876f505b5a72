"""Start and cancel, again and again, on real Ray: nothing may stay behind."""

from __future__ import annotations

import os
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psutil

from bench.support.served import ENDED, Served, served
from tests.faults.stage import is_actor

PARAMS = {"rows": 4000, "batch_size": 64, "blocks": 4}
# The first ones import late and fill buffers.
WARM_UP = 3
SETTLE_S = 12.0
IDLE_S = 2.0
# How much more there may be afterwards.
BARS = {"open files": 4, "processes": 2, "memory, MB": 10.0}


@dataclass
class Cycles:
    """Plays `count` of them, each cancelled at a moment of its own."""

    cache: Path
    seed: str
    count: int
    faults: list[str] = field(default_factory=list)
    cancelled_s: list[float] = field(default_factory=list)
    idle_s: list[float] = field(default_factory=list)

    def play(self) -> dict[str, Any]:
        """Play them and return the figures."""
        random, began = Random(f"{self.seed} cycles"), time.monotonic()
        os.environ["DEMO_CACHE"] = str(self.cache)
        with served() as server:
            for _ in range(WARM_UP):
                self._cycle(server, random)
            before = self._usage(server)
            for number in range(1, self.count + 1):
                self._cycle(server, random)
                if number % 10 == 0:
                    print(f"{number} of {self.count}", file=sys.stderr, flush=True)
            after = self._usage(server)
        self._judge(before, after)
        return {
            "cycles": self.count,
            "minutes": round((time.monotonic() - began) / 60, 1),
            "cancel to cancelled, median, s": round(statistics.median(self.cancelled_s), 3),
            "cancel to cancelled, worst, s": round(max(self.cancelled_s), 3),
            "cancel to no actor, median, s": round(statistics.median(self.idle_s), 3),
            "cancel to no actor, worst, s": round(max(self.idle_s), 3),
            **{f"{what} before": value for what, value in before.items()},
            **{f"{what} after": value for what, value in after.items()},
        }

    def seen(self, figures: dict[str, Any]) -> str:
        """Return the figures of `play` as one cell of a table."""
        kept = [
            f"{what}: {figures[f'{what} before']:g} before, {figures[f'{what} after']:g} after"
            for what in BARS
        ]
        worst = figures["cancel to no actor, worst, s"]
        kept.append(f"no actor left at most {worst:.1f} s after a cancel")
        return "; ".join([*kept, f"seed {self.seed}, {figures['minutes']:g} minutes"])

    def _cycle(self, server: Served, random: Random) -> None:
        """Start, let it come to some point, cancel, and wait until the CPUs are free."""
        run_id = server.start("embed", PARAMS)
        point = random.choice([None, "starting", "starting", "plan", "rows"])
        if point:
            server.watch(run_id, lambda e: point in (e["kind"], e["data"].get("status")))
        time.sleep(random.choice([0, 0, 0.3, 1.5]))
        asked = time.monotonic()
        server.cancel(run_id)
        end = server.watch(run_id, lambda e: e["data"].get("status") in ENDED)[-1]
        self.cancelled_s.append(time.monotonic() - asked)
        if end["data"]["status"] != "cancelled":
            self.faults.append(f"{run_id} ended as {end['data']}")
        while _actors(server) and time.monotonic() - asked < 3 * IDLE_S:
            time.sleep(0.02)
        self.idle_s.append(time.monotonic() - asked)
        if self.idle_s[-1] > IDLE_S:
            self.faults.append(f"{run_id}: actors live {self.idle_s[-1]:.1f} s after its cancel")

    def _usage(self, server: Served) -> dict[str, float]:
        time.sleep(SETTLE_S)
        return {
            "open files": server.process.num_fds(),
            "processes": len(server.process.children(recursive=True)),
            "memory, MB": round(server.process.memory_info().rss / 1e6, 1),
        }

    def _judge(self, before: dict[str, float], after: dict[str, float]) -> None:
        self.faults += [
            f"{what}: {before[what]} before, {after[what]} after"
            for what, more in BARS.items()
            if after[what] > before[what] + more
        ]


def _actors(server: Served) -> list[psutil.Process]:
    """Return the actors of runs, which hold a model. A driver that stands ready has others."""
    return [child for child in server.process.children(recursive=True) if is_actor(child)]
