"""`demo-server doctor`: a run, then its six checks for common performance problems."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from demo_server.cli.printers import CheckPrinter
from demo_server.cli.terminal_run import EXIT_CODES, Invocation, call_with_experiment
from demo_server.protocol.events import RunStatus


@dataclass(frozen=True)
class DoctorOutput:
    json: Annotated[bool, typer.Option("--json", help="print the checks as JSON")] = False


def doctor(words: Sequence[str]) -> int:
    """Run `demo-server doctor WORDS` and return its exit code.

    It is that of the run, or 1 where a check found a problem.

    Raises:
        SettingsError: an option cannot be used.
        DescribeError: the experiments cannot be read.
        Refusal: the run cannot be started.
    """

    def command(invocation: Invocation, output: DoctorOutput) -> int:
        printer = CheckPrinter()
        status = invocation.run(printer)
        if status is not RunStatus.SUCCEEDED:
            return EXIT_CODES[status]
        if output.json:
            checks = [check.model_dump(mode="json") for check in printer.checks]
            print(json.dumps(checks, indent=2))
        else:
            printer.print_checks()
        return int(any(check.state == "warn" for check in printer.checks))

    return call_with_experiment("demo-server doctor", words, DoctorOutput, command)
