"""The outcomes as a table, and as docs/RELIABILITY.md."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from tests.faults.outcome import Outcome
from tests.faults.stage import ROOT

DOCUMENT = ROOT / "docs" / "RELIABILITY.md"
HEAD = [
    "what dies",
    "what the slide shows",
    "after",
    "left behind",
    "next run's first rows",
    "server",
    "",
    "when, at which load, of which commit",
]


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def row(what: str, outcome: Outcome) -> str:
    """Return one line of the table, with when it was measured."""
    bar = "" if outcome.bar_s is None else f" (bar {outcome.bar_s:g} s)"
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    return line(
        [
            what,
            outcome.shown or "not performed",
            f"{seconds(outcome.after_s)}{bar}{', ' + outcome.remark if outcome.remark else ''}",
            ", ".join(outcome.left) or "nothing",
            seconds(outcome.next_row_s),
            outcome.server,
            "ok" if not outcome.missed else f"**missed**: {', '.join(outcome.missed)}",
            f"{now} UTC, {os.getloadavg()[1]:.1f}, {commit(DOCUMENT)}",
        ]
    )


def seconds(measured: float | None) -> str:
    return "none" if measured is None else f"{measured:.1f} s"


def table(rows: list[str]) -> str:
    return "\n".join([line(HEAD), line(["---"] * len(HEAD)), *rows])


def begin() -> None:
    """Clear the lines of earlier runs, before all faults are repeated."""
    DOCUMENT.write_text(TEXT.format(table=table([]), machine=machine()))


def keep(new: str) -> None:
    """Replace the line of the same fault in the document, or append one; change nothing else."""
    lines = DOCUMENT.read_text().splitlines()
    first = lines.index(line(["---"] * len(HEAD))) + 1
    end = next(n for n in range(first, len(lines)) if not lines[n].startswith("| "))
    fault = new.split(" | ")[0]
    place = next((n for n in range(first, end) if lines[n].split(" | ")[0] == fault), end)
    lines[place : place + (place < end)] = [new]
    DOCUMENT.write_text("\n".join(lines) + "\n")


def machine() -> str:
    """Return a description of this machine."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [
        text.split(":")[1].strip()
        for text in (cpuinfo.read_text().splitlines() if cpuinfo.exists() else [])
        if text.startswith("model name")
    ]
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.release()}"
    return (
        f"{os.cpu_count()} x {models[0] if models else platform.processor()}, {memory:.0f} GiB, "
        f"{system}; Python {platform.python_version()}, ray {version('ray')}"
    )


def commit(document: Path) -> str:
    """Return the commit that was run, ignoring changes of `document`, which is being written."""
    others = f":!{document.relative_to(ROOT)}"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", others)
    head = _git("rev-parse", "--short", "HEAD") or "unknown"
    return f"{head}-dirty" if changed else head


def _git(*words: str) -> str:
    asked = subprocess.run(["git", *words], capture_output=True, text=True, check=False, cwd=ROOT)
    return asked.stdout.strip()


TEXT = """\
# Reliability

What the hall sees when something below the slide dies in the middle of a run of `embed`. Each line
is a real process and a real signal, against a real server over its websocket. `npm run faults`
repeats all of them and writes this page; `npm run faults -- actor gcs` repeats two of them and
updates their lines.

{table}

*After*: from the death to the event that reports it, at a presenter's socket; the bar is 2 s, and
15 s where nothing dies but hangs. *Left behind*: processes of this server that are still alive 5 s
later. *Next run's first rows*: from a start that follows as soon as the slide shows what happened,
so they include what must be restarted; the bar is 15 s. *Server*: whether its health was answered
throughout; its own death may take 3 s, as `npm start` watches it.

Rows of a run that goes on are counted in its result: each exactly once, or the line reports it.
A full disk is simulated by the server's own limit on the size of a file, which needs no other
user's rights. The load is the average of five minutes: a busy machine is slower, most of all with
the next run.

{machine}.
"""
