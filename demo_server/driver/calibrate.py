"""`python -m demo_server.driver.calibrate OPTIONS`: how many rows a second this machine embeds.

Runs the `embed` pipeline itself, with its own defaults, for a few seconds of steady work. What the
other engines and precisions do is worked out from that, by the ratio of their loops over a few
rows without Ray, in turn and each at its best: what else the machine does makes none faster.
OPTIONS are `DriverOptions` as JSON. Prints one line of JSON. Killed at any moment it leaves nothing
behind.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pyarrow as pa

from demo_server.driver import loader
from demo_server.driver.cluster import cluster_resources
from demo_server.driver.run_loop import RunLoop
from demo_server.driver.startup import start
from demo_server.embedding.conversion import model_for
from demo_server.embedding.registry import offered
from demo_server.embedding.transformer import EngineError
from demo_server.protocol.driver_messages import DriverOptions, Emitted, Ended, Message, RunCommand
from demo_server.protocol.errors import ClusterError, InputError
from demo_server.protocol.events import ProgressData
from demo_server.ray_internals.worker_processes import raylet_here
from demo_server.system.cpus import usable_cpus
from demo_server.toolkit.comparison import wait_until_idle
from demo_server.toolkit.context import Machine

EXPERIMENT = "embed"
STEADY_S = 5.0  # after the first second, which has no rate
ALONE_ROWS, ALONE_TURNS = 256, 3
MAX_ROWS = 100_000


@dataclass
class Meter:
    """Receives a run's messages, and knows when its rate has been steady for long enough."""

    rate: float | None = None
    enough: threading.Event = field(default_factory=threading.Event)
    _first_rate_at: float | None = None

    def receive(self, message: Message) -> None:
        if not isinstance(message, Emitted) or not isinstance(message.data, ProgressData):
            return
        self.rate = message.data.rate if message.data.rate is not None else self.rate
        now = time.monotonic()
        if self.rate is not None and self._first_rate_at is None:
            self._first_rate_at = now
        if self._first_rate_at is not None and now - self._first_rate_at >= STEADY_S:
            self.enough.set()


def main(words: Sequence[str]) -> None:
    options = DriverOptions.model_validate_json(*words)
    meter = Meter()
    try:
        session = start(options, meter.receive, give_up)
    except (ClusterError, InputError) as error:
        raise SystemExit(str(error)) from error
    if raylet := raylet_here():  # the standbys' workers import for seconds
        wait_until_idle(raylet)
    alone = rates_alone(session)
    ended: list[Ended] = []

    def run() -> None:
        ended.append(measured_run(session))
        meter.enough.set()

    threading.Thread(target=run, daemon=True).start()
    meter.enough.wait()
    if meter.rate is None:
        raise SystemExit(ended[0].reason or "The run ended before its rate could be measured.")
    default = next(iter(alone.values()))
    found = {
        "rate": meter.rate,
        "rates": {pair: meter.rate * rate / default for pair, rate in alone.items()},
        "device": session.device,
        "cpus": int(cluster_resources().get("CPU", 0)),
    }
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    os._exit(0)  # the rest of the run is of no interest; Ray frees what it took


def rates_alone(session: RunLoop) -> dict[str, float]:
    """Return rows per second of each engine without Ray, by its name, the default first.

    One that can't take this model is left out: a run that asks for it is refused.
    """
    texts = pa.table({"text": session.source.load()[:ALONE_ROWS][session.source.text_column]})
    engines = {}
    for row in offered(session.device):
        try:
            model = model_for(row.name, session.model, session.source)
        except EngineError as error:
            print(f"{row.name}: {error}", file=sys.stderr)
        else:
            engines[row.name] = row.embedder(model, "text", usable_cpus())
    turns = [
        {name: call_s(embedder, texts) for name, embedder in engines.items()}
        for _ in range(1 + ALONE_TURNS)
    ][1:]  # the first of its kind is slower
    return {name: len(texts) / min(turn[name] for turn in turns) for name in engines}


def call_s(embedder: Callable[[pa.Table], Any], texts: pa.Table) -> float:
    """Return the seconds that a call with some texts takes."""
    began = time.perf_counter()
    embedder(texts)
    return time.perf_counter() - began


def give_up(ended: Ended) -> NoReturn:
    print(ended.reason, file=sys.stderr, flush=True)
    os._exit(1)


def measured_run(session: RunLoop) -> Ended:
    """Run the experiment with this machine's defaults on more rows than it can do in time."""
    experiment = loader.load(EXPERIMENT)
    rows = min(MAX_ROWS, session.source.rows)
    machine = Machine(
        cpus=int(cluster_resources().get("CPU", 1)), device=session.device, dataset_rows=rows
    )
    params = experiment.values_for(machine)
    params |= {"rows": rows, "blocks": max(1, rows // params["batch_size"])}
    with tempfile.TemporaryDirectory() as directory:
        return session.run(
            RunCommand(
                run_id="calibrate", experiment=EXPERIMENT, params=params, directory=directory
            )
        )


if __name__ == "__main__":
    main(sys.argv[1:])
