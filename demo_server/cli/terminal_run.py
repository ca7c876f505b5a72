"""`demo-server run`: one run in a terminal, on the same path as a run from a slide."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from demo_server.cli.options import (
    SourceOptions,
    experiment_options,
    invoke,
    new_app,
    parse_known_source,
    with_options,
)
from demo_server.cli.printers import JsonPrinter, Printer, RunPrinter
from demo_server.composition import Composition
from demo_server.processes import state_file
from demo_server.processes.descriptions import Describer
from demo_server.processes.ray_head import JoinedRay, Ray
from demo_server.processes.state_file import StateFile
from demo_server.protocol.events import RunStatus
from demo_server.scheduling.experiments import Experiments
from demo_server.system.demo_error import SettingsError
from demo_server.system.settings import Settings

EXIT_CODES = {RunStatus.SUCCEEDED: 0, RunStatus.FAILED: 1, RunStatus.CANCELLED: 130}


@dataclass(frozen=True)
class RunOutput:
    json: Annotated[bool, typer.Option("--json", help="print the events as JSON Lines")] = False


def run(words: Sequence[str]) -> int:
    """Run `demo-server run WORDS` and return its exit code.

    Raises:
        SettingsError: an option cannot be used.
        DescribeError: the experiments cannot be read.
        Refusal: the run cannot be started.
    """

    def command(invocation: Invocation, output: RunOutput) -> int:
        printer = JsonPrinter() if output.json else RunPrinter()
        return EXIT_CODES[invocation.run(printer)]

    return call_with_experiment("demo-server run", words, RunOutput, command)


@dataclass(frozen=True)
class Invocation:
    """An experiment, its parameters and the settings, as a command line gives them."""

    settings: Settings
    experiments: Experiments
    experiment: str
    params: dict[str, Any]

    def run(self, printer: Printer) -> RunStatus:
        """Run the experiment to its end and return how it ended."""

        async def one() -> RunStatus:
            async with open_composition(self.settings, self.experiments) as composition:
                await run_experiment(composition, self.experiment, self.params, printer)
            return printer.status

        return asyncio.run(one())


def call_with_experiment(
    prog: str, words: Sequence[str], output: type, command: Callable[[Invocation, Any], int]
) -> int:
    """Parse an experiment's name and the options after it, call `command`, return its exit code.

    Args:
        prog: the command as typed, for messages.
        words: the experiment, then the options of the source, of `output` and its own.
        output: a dataclass of options, passed to `command` with the invocation.
        command: not called where the words ask for help.

    Raises:
        SettingsError: an option cannot be used.
        DescribeError: the experiments cannot be read.
        Refusal: there is no such experiment.
    """
    if not words or words[0].startswith("-"):
        raise SettingsError(
            f"`{prog} EXPERIMENT [options]`: name the experiment first, e.g. `{prog} embed "
            "--rows 2000`. `demo-server describe` lists them."
        )
    experiment, *rest = words
    # An experiment's ranges and defaults depend on the dataset, so that is parsed first.
    settings = parse_known_source(rest).settings()
    experiments = asyncio.run(load_experiments(settings))
    description = experiments.get(experiment)

    def parsed(source: SourceOptions, output: Any, params: Any) -> int:
        given = {
            name: value for name, value in dataclasses.asdict(params).items() if value is not None
        }
        experiments.complete(description, given)  # or it is refused before Ray starts
        return command(Invocation(settings, experiments, experiment, given), output)

    groups = {"source": SourceOptions, "output": output, "params": experiment_options(description)}
    app = new_app()
    app.command(help=description.title)(with_options(**groups)(parsed))
    return int(invoke(app, f"{prog} {experiment}", rest))


async def load_experiments(settings: Settings) -> Experiments:
    """Return the experiments, from the cache or described again.

    Raises:
        DescribeError: they cannot be read.
    """
    settings.cache.mkdir(parents=True, exist_ok=True)
    describer = Describer(settings)
    return Experiments(describer.cached() or await describer.describe())


@contextlib.asynccontextmanager
async def open_composition(
    settings: Settings, experiments: Experiments
) -> AsyncIterator[Composition]:
    """Run on the running server's Ray if there is one, else on a head of our own."""
    state_file.end_orphans(settings.cache)
    server = state_file.running_server(settings.cache)
    joined: Ray | None = None
    if settings.ray_address is None and server and server.ray:
        joined = JoinedRay(server.ray.address, server.ray.token)
    state = StateFile(settings.cache / f"terminal-{os.getpid()}.json")
    state.write()
    # A command needs one driver, and no standby for a next run.
    composition = Composition(settings, state, ray=joined, ahead=False)
    composition.scheduler.catalog = experiments
    composition.scheduler.open()
    try:
        yield composition
    finally:
        await composition.close()
        state.close()


async def run_experiment(
    composition: Composition, experiment: str, params: dict[str, Any], printer: Printer
) -> str:
    """Start a run, wait for its end, and return its id; a signal cancels it."""
    composition.runs.on_event.append(printer.appended)
    composition.scheduler.on_change = lambda: printer.ray_failed(composition.standby_pool.trouble)
    try:
        run_id = composition.scheduler.start(secrets.token_hex(8), experiment, params)
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(name, composition.scheduler.cancel_if_live, run_id)
        await printer.ended.wait()
    finally:
        composition.runs.on_event.remove(printer.appended)
        printer.close()
    return run_id
