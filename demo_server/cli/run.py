"""Runs in a terminal: the same as from a slide, with a progress bar, as JSON Lines, or recorded."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from demo_server.cli.options import Parser, SettingsError, add_source_options, source_settings
from demo_server.cli.press_actions import pressing
from demo_server.composition import Composition
from demo_server.processes import state_file
from demo_server.processes.descriptions import Describer
from demo_server.processes.ray_head import JoinedRay, Ray
from demo_server.processes.state_file import StateFile
from demo_server.protocol import events
from demo_server.protocol.driver_messages import Description
from demo_server.protocol.events import Check, ProgressData, ResultData, RunStatus
from demo_server.runs import recording
from demo_server.runs.log import BrokenLogError
from demo_server.runs.run import Run
from demo_server.scheduling.experiments import Experiments
from demo_server.system.checkout import ROOT
from demo_server.system.settings import Settings

EXIT_CODES = {RunStatus.SUCCEEDED: 0, RunStatus.FAILED: 1, RunStatus.CANCELLED: 130}
_BAR_WIDTH = 30


def source_parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the options that come before the experiment is known."""
    parser = Parser(prog=prog, add_help=False)
    add_source_options(parser)
    return parser


def run_parser(
    prog: str, description: Description, json_help: str = "print the events as JSON Lines"
) -> argparse.ArgumentParser:
    """Return the parser of an experiment's own options, made from its schema."""
    parser = Parser(prog=prog, parents=[source_parser(prog)], description=description.title)
    parser.add_argument("--json", action="store_true", help=json_help)
    kinds: dict[str, type] = {"integer": int, "number": float, "string": str}
    for name, schema in description.schema_.get("properties", {}).items():
        flag = "--" + name.replace("_", "-")
        default = description.defaults.get(name)
        words = f"{schema.get('description', name)} (default: {default})".replace("%", "%%")
        if schema.get("type") == "boolean":
            parser.add_argument(flag, dest=name, action=argparse.BooleanOptionalAction, help=words)
        else:
            kind = kinds.get(schema.get("type", ""), str)
            parser.add_argument(flag, dest=name, type=kind, help=words, metavar=kind.__name__)
    return parser


def run(argv: Sequence[str]) -> int:
    """Run `demo-server run EXPERIMENT …` and return its exit code.

    Raises:
        SettingsError: a flag cannot be used.
        DescribeError: the experiments cannot be read.
        Refusal: the run cannot be started.
    """
    asked = Asked.read("demo-server run", argv)
    printer: Printer = JsonPrinter(sys.stdout) if asked.json else BarPrinter(sys.stderr, sys.stdout)
    return EXIT_CODES[asked.run(printer)]


def doctor(argv: Sequence[str]) -> int:
    """Run `demo-server doctor EXPERIMENT …`: the run, then what is well with it and what isn't.

    Returns its exit code: that of the run, or 1 if a check found something.

    Raises:
        SettingsError: a flag cannot be used.
        DescribeError: the experiments cannot be read.
        Refusal: the run cannot be started.
    """
    asked = Asked.read("demo-server doctor", argv, json_help="print the checks as JSON")
    printer = CheckPrinter(sys.stderr)
    status = asked.run(printer)
    if status is not RunStatus.SUCCEEDED:
        return EXIT_CODES[status]
    if asked.json:
        print(json.dumps([check.model_dump(mode="json") for check in printer.checks], indent=2))
    elif printer.checks:
        print("\n".join(check_text(check) for check in printer.checks))
    else:
        print("This run executed nothing on Ray Data: there is nothing to look at.")
    return int(any(check.state == "warn" for check in printer.checks))


@dataclass(frozen=True)
class Asked:
    """What a command line asks to be run."""

    settings: Settings
    catalog: Experiments
    experiment: str
    params: dict[str, Any]
    json: bool

    @staticmethod
    def read(prog: str, argv: Sequence[str], **texts: str) -> Asked:
        """Read an experiment's name and what follows it; `texts` as `run_parser` takes them.

        Raises:
            SettingsError: a flag cannot be used.
            DescribeError: the experiments cannot be read.
            Refusal: there is no such experiment.
        """
        if not argv or argv[0].startswith("-"):
            raise SettingsError(
                f"`{prog} EXPERIMENT [options]`: name the experiment first, e.g. `{prog} embed "
                "--rows 2000`. `demo-server describe` lists them."
            )
        experiment, rest = argv[0], argv[1:]
        settings = source_settings(source_parser(prog).parse_known_args(rest)[0])
        catalog = asyncio.run(read_catalog(settings))
        description = catalog.get(experiment)
        args = run_parser(f"{prog} {experiment}", description, **texts).parse_args(rest)
        names = description.schema_.get("properties", {})
        params = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
        return Asked(settings, catalog, experiment, params, args.json)

    def run(self, printer: Printer) -> RunStatus:
        """Run it to its end."""

        async def one() -> RunStatus:
            async with working(self.settings, self.catalog) as composition:
                await run_one(composition, self.experiment, self.params, printer)
            return printer.status

        return asyncio.run(one())


def record(argv: Sequence[str]) -> int:
    """Run `demo-server record EXPERIMENT …` and return its exit code.

    The experiments run one after the other in one session, so that one may ask what another
    holds; the buttons of one that has some are pressed in its middle. The first that fails ends
    it; what was recorded before stays.

    Raises:
        SettingsError: a flag cannot be used.
        DescribeError: the experiments cannot be read.
        Refusal: a run cannot be started.
    """
    prog = "demo-server record"
    parser = Parser(prog=prog, parents=[source_parser(prog)], description=record.__doc__)
    parser.add_argument("experiments", nargs="+", metavar="EXPERIMENT")
    parser.add_argument("--rows", type=int, help="rows, for the experiments that take them")
    parser.add_argument("--out", type=Path, default=ROOT / "public" / "recordings")
    args = parser.parse_args(argv)
    settings = source_settings(args)
    catalog = asyncio.run(read_catalog(settings))
    infos = {info.name: info for info in catalog.infos}
    for name in args.experiments:
        catalog.get(name)  # before anything runs

    async def all_of_them() -> RunStatus:
        async with working(settings, catalog) as composition:
            for name in args.experiments:
                printer = BarPrinter(sys.stderr, sys.stdout)
                takes_rows = "rows" in catalog.get(name).schema_.get("properties", {})
                params = {"rows": args.rows} if args.rows is not None and takes_rows else {}
                with pressing(composition, infos[name].actions) as presser:
                    run_id = await run_one(composition, name, params, printer)
                if printer.status is not RunStatus.SUCCEEDED:
                    print(f"{name} is not recorded.", file=sys.stderr)
                    return printer.status
                if presser.left:
                    words = f"too short to press {', '.join(presser.left)} in; give it more --rows"
                    print(f"{name} is not recorded: {words}.", file=sys.stderr)
                    return RunStatus.FAILED
                path = recording.record(
                    composition.runs.archive.log_path(run_id), infos[name], args.out
                )
                print(f"Recorded: {path} ({path.stat().st_size / 1000:.0f} kB)", file=sys.stderr)
        return RunStatus.SUCCEEDED

    try:
        return EXIT_CODES[asyncio.run(all_of_them())]
    except (BrokenLogError, OSError) as error:
        print(f"The recording cannot be written: {error}", file=sys.stderr)
        return EXIT_CODES[RunStatus.FAILED]


async def read_catalog(settings: Settings) -> Experiments:
    """Return the experiments, as remembered or read anew.

    Raises:
        DescribeError: they cannot be read.
    """
    settings.cache.mkdir(parents=True, exist_ok=True)
    describer = Describer(settings)
    return Experiments(describer.remembered() or await describer.describe())


@contextlib.asynccontextmanager
async def working(settings: Settings, catalog: Experiments) -> AsyncIterator[Composition]:
    """Works on the running server's Ray if there is one, else on a head of their own."""
    state_file.end_orphans(settings.cache)
    server = state_file.running_server(settings.cache)
    joined: Ray | None = None
    if settings.ray_address is None and server and server.ray:
        joined = JoinedRay(server.ray.address, server.ray.token)
    book = StateFile(settings.cache / f"terminal-{os.getpid()}.json")
    book.write()
    # Who types a command waits for what it does, and for nothing that comes after it.
    composition = Composition(settings, book, ray=joined, ahead=False)
    composition.scheduler.catalog = catalog
    composition.scheduler.open()
    try:
        yield composition
    finally:
        await composition.scheduler.close()
        book.close()


async def run_one(
    composition: Composition, experiment: str, params: dict[str, Any], printer: Printer
) -> str:
    """Start a run, wait for its end, and return its id; an interrupt cancels it."""
    composition.runs.watchers.append(printer)
    composition.scheduler.on_change = lambda: printer.trouble(composition.standby_pool.trouble)
    try:
        run_id = composition.scheduler.start(secrets.token_hex(8), experiment, params)
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(name, composition.scheduler.cancel_if_live, run_id)
        await printer.ended.wait()
    finally:
        composition.runs.watchers.remove(printer)
    return run_id


class Printer:
    """Tells a terminal of one run; implements `runs.RunWatcher`."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.status = RunStatus.FAILED

    def accepted(self, run: Run) -> None:
        """Nothing to say yet."""

    def appended(self, run: Run, encoded: str) -> None:
        self.show(events.event.validate_json(encoded), encoded)
        if run.status.ended:
            self.status = run.status
            self.ended.set()

    def trouble(self, reason: str | None) -> None:
        """Ray or a driver cannot start: in a terminal nobody waits for a second try."""
        if reason and not self.ended.is_set():
            print(reason, file=sys.stderr)
            self.ended.set()

    def show(self, event: events.Event, encoded: str) -> None:
        raise NotImplementedError


class JsonPrinter(Printer):
    """The events as they are, one a line."""

    def __init__(self, out: TextIO) -> None:
        super().__init__()
        self._out = out

    def show(self, event: events.Event, encoded: str) -> None:
        print(encoded, file=self._out, flush=True)


class BarPrinter(Printer):
    """A bar while it works, then what came out."""

    def __init__(self, bar: TextIO, out: TextIO) -> None:
        super().__init__()
        self._bar, self._out = bar, out
        self._drawn = False

    def show(self, event: events.Event, encoded: str) -> None:
        match event.kind:
            case "progress":
                self._draw(bar_line(event.data))
            case "status":
                reason = f": {event.data.reason}" if event.data.reason else ""
                self._say(f"{event.data.status.value}{reason}")
            case "note":
                self._say(event.data.text)
            case "failure":
                self._say(f"{event.data.exception}: {event.data.message}")
                for more in (event.data.cause, event.data.remedy):
                    if more:
                        self._say(more)
            case "result" if not event.data.checks:  # they are `demo-server doctor`'s
                self.came_out(event.data)

    def came_out(self, result: ResultData) -> None:
        print(result_text(result), file=self._out, flush=True)

    def _draw(self, line: str) -> None:
        if not self._bar.isatty():
            return
        width = shutil.get_terminal_size().columns
        print("\r" + line[: width - 1].ljust(width - 1), end="", file=self._bar, flush=True)
        self._drawn = True

    def _say(self, line: str) -> None:
        start = "\n" if self._drawn else ""
        self._drawn = False
        print(start + line, file=self._bar, flush=True)


class CheckPrinter(BarPrinter):
    """The bar; of what comes out it keeps only the doctor's checks."""

    def __init__(self, bar: TextIO) -> None:
        super().__init__(bar, bar)
        self.checks: list[Check] = []

    def show(self, event: events.Event, encoded: str) -> None:
        super().show(event, encoded)
        if event.kind == "result":
            self.checks = event.data.checks or self.checks

    def came_out(self, result: ResultData) -> None:
        """Nobody asked for it."""


def check_text(check: Check) -> str:
    """Return a check as a person reads it: its mark, the question, the figure, and the fix."""
    figure = check.figure
    if figure is None:
        return f"  -   {check.question} Not measured here: {check.reason}"
    value = figure.value if isinstance(figure.value, str) else f"{figure.value:,.6g}"
    line = f"{check.question} {value} {figure.unit or ''} {figure.label}"
    return f"  ok  {line}" if check.state == "ok" else f"FIX   {line}\n      {check.fix}"


def bar_line(progress: ProgressData) -> str:
    """Return one line that shows how far a run is."""
    rate = f"{progress.rate:,.0f} rows/s" if progress.rate else "…"
    if not progress.total:
        return f"{progress.rows:,} rows  {rate}"
    filled = round(_BAR_WIDTH * min(1.0, progress.rows / progress.total))
    eta = f"  {progress.eta_s:.0f} s left" if progress.eta_s is not None else ""
    bar = "#" * filled + "-" * (_BAR_WIDTH - filled)
    return f"[{bar}] {progress.rows:,}/{progress.total:,} rows  {rate}{eta}"


def result_text(result: ResultData) -> str:
    """Return a result as a person reads it."""
    lines = [result.after or result.before or ""]
    lines += [f"{row.id}\t{row.text}" for row in result.first_rows]
    if result.rows is not None:
        seconds = f" in {result.seconds:.1f} s" if result.seconds is not None else ""
        lines.append(f"{result.rows:,} rows{seconds}")
    lines += [f"{f.label}: {f.value} {f.unit or ''}".rstrip() for f in result.figures]
    return "\n".join(line for line in lines if line)
