"""The console script `demo-server`: `serve`, `run`, `doctor`, `record`, `check`, `describe`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

from demo_server.cli.options import (
    Parser,
    SettingsError,
    add_serve_options,
    add_source_options,
    serve_settings,
    source_settings,
)
from demo_server.processes.descriptions import DescribeError, Describer
from demo_server.protocol.errors import Refusal

BAD_USE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 well, 1 failed, 2 not started."""
    logging.basicConfig(format="%(asctime)s %(levelname)s: %(message)s", level=logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    words = list(sys.argv[1:] if argv is None else argv)
    parser = Parser(prog="demo-server", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    serving = commands.add_parser("serve", help="serve the deck and run what it starts")
    add_serve_options(serving)
    commands.add_parser("run", help="run one experiment in this terminal", add_help=False)
    commands.add_parser("doctor", help="run one and say what is well with it", add_help=False)
    commands.add_parser("record", help="run experiments and keep them as the deck's recordings")
    commands.add_parser("check", help="look at all that the talk stands on", add_help=False)
    describing = commands.add_parser("describe", help="print the experiments as JSON")
    add_source_options(describing)
    try:
        if words[:1] in (["run"], ["doctor"], ["record"], ["check"]):
            return _terminal(words[0], words[1:])
        args = parser.parse_args(words)
        return _serve(args) if args.command == "serve" else _describe(args)
    except (SettingsError, Refusal, DescribeError) as error:
        print(error, file=sys.stderr)
        return BAD_USE


def _serve(args: argparse.Namespace) -> int:
    # Imported here: the web framework has no part in the other commands.
    from demo_server.server import ServeError, serve

    try:
        serve(serve_settings(args))
    except ServeError as error:
        print(error, file=sys.stderr)
        return BAD_USE
    return 0


def _terminal(command: str, words: Sequence[str]) -> int:
    if command == "check":
        from demo_server.cli.check import check

        return check(words)
    from demo_server.cli import run

    commands = {"run": run.run, "doctor": run.doctor, "record": run.record}
    return commands[command](words)


def _describe(args: argparse.Namespace) -> int:
    settings = source_settings(args)
    settings.cache.mkdir(parents=True, exist_ok=True)
    print(asyncio.run(Describer(settings).describe()).model_dump_json(by_alias=True, indent=2))
    return 0
