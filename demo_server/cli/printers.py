"""What a terminal shows of a run, of its checks, and of what a preflight check found.

A terminal gets a progress bar and tables; a file or a pipe gets plain lines.
"""

from __future__ import annotations

import asyncio
import io
import sys
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from demo_server.cli.event_text import (
    comparison_text,
    export_text,
    outcome_text,
    progress_text,
    result_text,
    step_text,
)
from demo_server.protocol.events import (
    Check,
    ChecksData,
    ComparisonData,
    Event,
    ExportData,
    FailureData,
    NoteData,
    OutcomeData,
    ProgressData,
    ResultData,
    RunStatus,
    StatusData,
    StepData,
)
from demo_server.protocol.findings import Finding
from demo_server.runs.run import Run


def new_console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it is: brackets and colons have no meaning in it."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


class Printer:
    """Watches one run until it ends."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.status = RunStatus.FAILED

    def appended(self, run: Run, event: Event, encoded: str) -> None:
        self.show(event, encoded)
        if run.status.ended:
            self.status = run.status
            self.ended.set()

    def ray_failed(self, reason: str | None) -> None:
        """End the wait: a command does not wait for a second attempt to start Ray."""
        if reason and not self.ended.is_set():
            self.close()
            print(reason, file=sys.stderr, flush=True)
            self.ended.set()

    def show(self, event: Event, encoded: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Release the terminal."""


class JsonPrinter(Printer):
    """Prints the events as they are, one a line."""

    def __init__(self) -> None:
        super().__init__()
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # JSON is, whatever the terminal's encoding

    def show(self, event: Event, encoded: str) -> None:
        print(encoded, flush=True)


class RunPrinter(Printer):
    """Shows progress and notes on standard error, results to `results`."""

    def __init__(self, results: TextIO | None = None) -> None:
        super().__init__()
        self._console = new_console(stderr=True)
        self._results = results or sys.stdout
        self._progress: Progress | None = None

    def show(self, event: Event, encoded: str) -> None:
        match event.data:
            case ProgressData() as progress:
                self._show_progress(progress)
            case StatusData(status=status, reason=reason):
                self._print(f"{status.value}: {reason}" if reason else status.value)
            case NoteData(text=text):
                self._print(text)
            case FailureData() as failure:
                self._print(f"{failure.exception}: {failure.message}")
                for more in (failure.cause, failure.remedy):
                    if more:
                        self._print(more)
            case ResultData() as result:
                self.show_result(result)
            case StepData() as step:
                self._print(step_text(step))
            case OutcomeData() as outcome:
                self._print(outcome_text(outcome))
            case ExportData() as export:
                self._print(export_text(export))
            case ComparisonData() as comparison:
                self._print(comparison_text(comparison))

    def show_result(self, result: ResultData) -> None:
        self.close()
        print(result_text(result), file=self._results, flush=True)

    def close(self) -> None:
        if self._progress:
            self._progress.stop()
            self._progress = None

    def _show_progress(self, progress: ProgressData) -> None:
        if not self._console.is_interactive:
            return
        if self._progress is None:
            self._progress = Progress(
                BarColumn(bar_width=30),
                TextColumn("{task.description}", markup=False),
                console=self._console,
                auto_refresh=False,
            )
            self._progress.add_task("")
            self._progress.start()
        [task] = self._progress.task_ids
        self._progress.update(
            task,
            total=progress.total or None,
            completed=progress.rows,
            description=progress_text(progress),
            refresh=True,
        )

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)


class CheckPrinter(RunPrinter):
    """Shows progress; of the results it keeps the doctor's checks alone."""

    def __init__(self) -> None:
        super().__init__()
        self.checks: list[Check] = []

    def show(self, event: Event, encoded: str) -> None:
        super().show(event, encoded)
        if isinstance(event.data, ChecksData):
            self.checks = event.data.checks

    def show_result(self, result: ResultData) -> None:
        """The result itself is not what was asked for."""

    def print_checks(self) -> None:
        """Print each check: as a table in a terminal, else as lines."""
        console = new_console()
        if not self.checks:
            print("Nothing to check: this run executed no Ray Data pipeline.")
        elif console.is_terminal:
            console.print(checks_table(self.checks))
        else:
            print("\n".join(check_text(check) for check in self.checks), flush=True)


class FindingPrinter:
    """Prints what a preflight check found, as it comes."""

    def __init__(self) -> None:
        self._console = new_console()
        self.problems = 0

    def show(self, finding: Finding) -> None:
        self.problems += not finding.ok
        if self._console.is_terminal:
            self._console.print(finding_row(finding, self._ascii))
        else:
            print(finding_text(finding, self._ascii), flush=True)

    @property
    def _ascii(self) -> bool:
        return self._console.options.ascii_only


MARKS = {True: ("✓", "ok ", "green"), False: ("✗", "FIX", "red")}


def finding_text(finding: Finding, ascii_only: bool = False) -> str:
    """Return a finding as one line, or two where there is something to do."""
    mark = MARKS[finding.ok][ascii_only]
    text = f"{mark} {finding.name:<11} {finding.message}"
    indent = " " * (len(mark) + 13)
    return f"{text}\n{indent}{finding.remedy}" if finding.remedy else text


def finding_row(finding: Finding, ascii_only: bool) -> Table:
    """Return the same for a terminal, coloured and wrapped in its column."""
    mark, plain, colour = MARKS[finding.ok]
    row = Table.grid(padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column(min_width=11, no_wrap=True)
    row.add_column()
    words = finding.message if finding.remedy is None else f"{finding.message}\n{finding.remedy}"
    row.add_row(Text(plain if ascii_only else mark, colour), Text(finding.name), Text(words))
    return row


_STATES = {"ok": ("ok", "green"), "warn": ("FIX", "red"), "unknown": ("-", "dim")}


def check_text(check: Check) -> str:
    """Return a check as a person reads it: its state, the question, the figure, and the fix."""
    state, _ = _STATES[check.state]
    mark = f"  {state:<3} " if check.state != "warn" else f"{state:<5} "
    if check.figure is None:
        return f"{mark}{check.question} Not measured here: {check.reason}"
    line = f"{mark}{check.question} {figure_text(check)}"
    return line if check.state == "ok" else f"{line}\n      {check.fix}"


def figure_text(check: Check) -> str:
    """Return a check's figure with its unit and label, or why there is none."""
    figure = check.figure
    if figure is None:
        return f"Not measured here: {check.reason}"
    value = figure.value if isinstance(figure.value, str) else f"{figure.value:,.6g}"
    return f"{value} {figure.unit or ''} {figure.label}"


def checks_table(checks: list[Check]) -> Table:
    """Return the checks as a table for a terminal."""
    table = Table("", "check", "measured", "fix")
    for check in checks:
        state, colour = _STATES[check.state]
        fix = check.fix if check.state == "warn" else ""
        cells = (check.question, figure_text(check), fix)
        table.add_row(Text(state, colour), *(Text(cell) for cell in cells))
    return table
