"""The console script `demo-server`: `serve`, `run`, `doctor`, `record`, `check`, `describe`."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from demo_server.cli.options import (
    Port,
    ServeOptions,
    SourceOptions,
    invoke,
    new_app,
    with_options,
)
from demo_server.processes.descriptions import Describer
from demo_server.system.checkout import ROOT
from demo_server.system.demo_error import DemoError
from demo_server.system.settings import DEFAULT_PORT

BAD_USE = 2
# The experiment comes first; what follows is parsed once its parameters are known.
_EXPERIMENT_FIRST = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}

# Commands import what they need themselves: `serve` needs no terminal output, and the others no
# web framework.
app = new_app(help="Serve the deck, or run its experiments in this terminal.")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 not started."""
    logging.basicConfig(format="%(asctime)s %(levelname)s: %(message)s", level=logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error: no encoding fails
    try:
        return int(invoke(app, "demo-server", sys.argv[1:] if argv is None else argv) or 0)
    except DemoError as error:
        print(error, file=sys.stderr)
        return BAD_USE


@app.command()
@with_options(source=SourceOptions, options=ServeOptions)
def serve(source: SourceOptions, options: ServeOptions) -> int:
    """Serve the deck and run what its slides start."""
    from demo_server.server import serve

    serve(options.settings(source))
    return 0


@app.command(context_settings=_EXPERIMENT_FIRST)
def run(context: typer.Context) -> int:
    """Run one experiment in this terminal."""
    from demo_server.cli.terminal_run import run

    return run(context.args)


@app.command(context_settings=_EXPERIMENT_FIRST)
def doctor(context: typer.Context) -> int:
    """Run one experiment and check it for common performance problems."""
    from demo_server.cli.doctor import doctor

    return doctor(context.args)


@app.command()
@with_options(source=SourceOptions)
def record(
    source: SourceOptions,
    experiments: Annotated[list[str], typer.Argument(metavar="EXPERIMENT")],
    rows: Annotated[
        int | None, typer.Option(help="rows, for the experiments that have this parameter")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIRECTORY", help="where recordings go")] = (
        ROOT / "public" / "recordings"
    ),
) -> int:
    """Run experiments and keep the runs as the deck's recordings."""
    from demo_server.cli.record import record

    return record(source.settings(), experiments, rows, out)


@app.command()
@with_options(source=SourceOptions)
def check(
    source: SourceOptions,
    port: Port = DEFAULT_PORT,
    rehearse: Annotated[
        bool,
        typer.Option(
            "--rehearse",
            help="also run every live slide once, compare it with its time in the notes, record it",
        ),
    ] = False,
) -> int:
    """Check everything that the talk depends on."""
    from demo_server.cli.check import check

    return check(source.settings(port), rehearsing=rehearse)


@app.command()
@with_options(source=SourceOptions)
def describe(source: SourceOptions) -> int:
    """Print the experiments as JSON."""
    settings = source.settings()
    settings.cache.mkdir(parents=True, exist_ok=True)
    print(asyncio.run(Describer(settings).describe()).model_dump_json(by_alias=True, indent=2))
    return 0
