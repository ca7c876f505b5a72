"""What a terminal, a pipe and a file get to see of a run, its checks and the findings."""

from __future__ import annotations

import json
import os
import pty
import struct
import subprocess
import sys
from fcntl import ioctl
from termios import TIOCSWINSZ

import pytest

from demo_server.cli.event_text import progress_text, result_text
from demo_server.cli.printers import (
    CheckPrinter,
    RunPrinter,
    check_text,
    finding_text,
)
from demo_server.protocol.event_kinds import EVENTS
from demo_server.protocol.events import (
    Check,
    ChecksData,
    Figure,
    ProgressData,
    ResultData,
    Row,
    RowCounts,
    VectorAgreement,
)
from demo_server.protocol.findings import Finding

WASTED = Check(
    name="padded",
    state="warn",
    question="Is padding under 20%?",
    figure=Figure(name="padding", label="of all tokens", value=48.2, unit="%"),
    fix="Sort by tokens.",
)
FULL = Finding(name="disk", ok=False, message="Full.", remedy="Delete files.")

SHOW_ALL = f"""
from demo_server.cli.printers import CheckPrinter, FindingPrinter, RunPrinter
from demo_server.protocol.event_kinds import event
from demo_server.protocol.events import Check
from demo_server.protocol.findings import Finding
import io, sys
sys.stdout.reconfigure(errors="backslashreplace")

def show(printer, kind, **data):
    printer.show(event.validate_python(dict(seq=1, t=0, kind=kind, data=data)), "")

run = RunPrinter()
show(run, "note", text="[bold]as it is[/bold] :warning: né")
show(run, "progress", rows=500, total=2000, rate=250.4, eta_s=6)
show(run, "note", text="a note during the run")
show(run, "progress", rows=2000, total=2000)
show(run, "result", after="Dataset(3)")
doctor = CheckPrinter()
doctor.checks = [Check.model_validate_json({WASTED.model_dump_json()!r})]
doctor.print_checks()
findings = FindingPrinter()
findings.show(Finding.model_validate_json({FULL.model_dump_json()!r}))
findings.show(Finding(name="port", ok=True, message="Port 8000 is free."))
"""


def in_a_terminal(columns: int = 100, **env: str) -> str:
    """Return what a terminal of this width receives from `SHOW_ALL`."""
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "TERM")}
    child = subprocess.Popen(
        [sys.executable, "-c", SHOW_ALL],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**kept, "TERM": "xterm-256color", **env},
    )
    os.close(theirs)
    received = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux reports the end of a terminal as an error
            break
        if not part:
            break
        received += part
    os.close(ours)
    assert child.wait() == 0, received
    return received.decode(env.get("PYTHONIOENCODING", "utf-8"))


def test_a_terminal_gets_a_bar_a_table_and_colours() -> None:
    shown = in_a_terminal()
    assert "━" in shown
    assert "500/2,000 rows  250 rows/s  6 s left" in shown
    assert "a note during the run" in shown
    assert "[bold]as it is[/bold] :warning: né" in shown, "text has no markup"
    assert "│" in shown, "the checks are a table"
    assert "\x1b[31m✗" in shown


def test_no_color_is_respected() -> None:
    shown = in_a_terminal(NO_COLOR="1")
    assert "✗ disk" in shown
    assert "\x1b[3" not in shown


def test_a_dumb_terminal_gets_no_control_sequences() -> None:
    shown = in_a_terminal(TERM="dumb")
    assert "\x1b" not in shown
    assert "a note during the run" in shown
    assert "500/2,000" not in shown, "a bar cannot be redrawn there"


def test_a_terminal_that_knows_latin_1_only_gets_ascii_marks_and_bars() -> None:
    shown = in_a_terminal(PYTHONIOENCODING="latin-1")
    assert "FIX" in shown
    assert "né" in shown
    assert "500/2,000 rows" in shown
    assert not set(shown) & set("━✗│")


def test_a_narrow_terminal_wraps_a_finding_and_a_check_in_their_columns() -> None:
    shown = in_a_terminal(columns=40, NO_COLOR="1")
    rows = shown.splitlines()
    [above, below] = [n for n, row in enumerate(rows) if "48.2 %" in row or "of all" in row]
    assert below == above + 1
    assert "              Delete files." in shown
    assert "500/2,000" in shown


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_pipe_gets_plain_lines(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOW_ALL],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=True,
    )
    notes = ["[bold]as it is[/bold] :warning: né", "a note during the run"]
    assert done.stderr.decode(encoding).splitlines() == notes
    mark = {"utf-8": "✗", "latin-1": "FIX"}[encoding]
    assert done.stdout.decode(encoding).splitlines()[:4] == [
        "Dataset(3)",
        "FIX   Is padding under 20%? 48.2 % of all tokens",
        "      Sort by tokens.",
        f"{mark} disk        Full.",
    ]


def test_json_lines_are_utf_8_in_every_locale() -> None:
    program = """
from demo_server.cli.printers import JsonPrinter
from demo_server.protocol.event_kinds import event
text = '{"seq": 1, "t": 0, "kind": "note", "data": {"text": "🦜 né"}}'
JsonPrinter().show(event.validate_json(text), text)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        check=True,
    )
    assert json.loads(done.stdout.decode("utf-8"))["data"]["text"] == "🦜 né"


def test_progress_is_rows_rate_and_the_time_left() -> None:
    text = progress_text(ProgressData(rows=500, total=2000, rate=250.4, eta_s=6))
    assert text == "500/2,000 rows  250 rows/s  6 s left"
    assert progress_text(ProgressData(rows=7)) == "7 rows  …"


def test_a_result_is_printed_with_its_first_rows() -> None:
    result = ResultData(after="Dataset(3)", rows=3, first_rows=[Row(id="0", text="a")], seconds=1.5)
    assert result_text(result) == "Dataset(3)\n0\ta\n3 rows in 1.5 s"


def test_counts_of_rows_add_up_also_where_some_are_lost() -> None:
    counts = RowCounts(in_file=9, read=9, dropped=1, left_out=4, lost=1, embedded=2, out=3)
    assert result_text(ResultData(counts=counts)) == (
        "9 rows in the file, 9 read, 1 dropped, 4 left out, 1 lost, 2 embedded, 3 out"
    )
    whole = RowCounts(in_file=None, read=3, dropped=0, embedded=3, out=3)
    assert result_text(ResultData(counts=whole)) == "3 read, 0 dropped, 3 embedded, 3 out"


def test_a_result_states_how_close_its_vectors_are_to_those_of_encode() -> None:
    result = ResultData(agreement=VectorAgreement(cosine=0.99999996, rows=16))
    assert result_text(result) == "same as encode: cosine 1.0000 on 16 rows"


def test_a_check_is_printed_with_its_state_its_figure_and_the_fix_for_a_problem() -> None:
    measured = "Is padding under 20%? 48.2 % of all tokens"
    assert check_text(WASTED) == f"FIX   {measured}\n      Sort by tokens."
    assert check_text(WASTED.model_copy(update={"state": "ok"})) == f"  ok  {measured}"
    unknown = WASTED.model_copy(update={"state": "unknown", "figure": None, "reason": "No tokens."})
    assert check_text(unknown) == "  -   Is padding under 20%? Not measured here: No tokens."


def test_the_doctor_keeps_the_checks_and_a_run_prints_the_result(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = [ResultData(after="Dataset(3)"), ChecksData(checks=[WASTED])]
    run, doctor = RunPrinter(), CheckPrinter()
    for printer, printed in ((run, "Dataset(3)\n"), (doctor, "")):
        for seq, data in enumerate(results, start=1):
            printer.show(EVENTS[type(data)](seq=seq, t=0, data=data), "")
        assert capsys.readouterr().out == printed
    assert doctor.checks == [WASTED]


def test_a_finding_is_a_line_with_its_remedy_below() -> None:
    assert finding_text(Finding(name="disk", ok=True, message="Enough.")) == "✓ disk        Enough."
    assert finding_text(FULL).splitlines()[1].strip() == "Delete files."
