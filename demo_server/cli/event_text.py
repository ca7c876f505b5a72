"""What a terminal prints of the events of a run, in words."""

from __future__ import annotations

from demo_server.protocol.events import (
    ComparisonData,
    ExportData,
    OutcomeData,
    ProgressData,
    ResultData,
    RowCounts,
    StepData,
    VectorAgreement,
)


def progress_text(progress: ProgressData) -> str:
    """Return in words how far a run is, and how fast."""
    rate = f"{progress.rate:,.0f} rows/s" if progress.rate else "…"
    if not progress.total:
        return f"{progress.rows:,} rows  {rate}"
    eta = f"  {progress.eta_s:.0f} s left" if progress.eta_s is not None else ""
    return f"{progress.rows:,}/{progress.total:,} rows  {rate}{eta}"


def step_text(step: StepData) -> str:
    """Return what one step of a comparison took."""
    return f"{step.title}: {step.cost_s:.3g} s for 1,000 rows, {step.rate:,.3g} rows/s"


def outcome_text(outcome: OutcomeData) -> str:
    """Return what came of one form of some code."""
    rows = f"{outcome.rows_out} of {outcome.rows_in} rows"
    parts = (outcome.title, outcome.exception or rows, outcome.message)
    return ": ".join(part for part in parts if part)


def export_text(export: ExportData) -> str:
    """Return what one way out of Ray takes."""
    found = [f"{export.write_s:.3g} s", f"{export.memory_bytes:,.0f} bytes in the driver"]
    if export.disk_bytes is not None:
        found += [f"{export.disk_bytes:,.0f} bytes on disk", f"{export.read_s:.3g} s to read back"]
    return f"1,000 rows: {', '.join(found)}"


def comparison_text(comparison: ComparisonData) -> str:
    """Return what the steps come to together."""
    return f"{comparison.ratio:.3g} times as fast; lowest cosine {comparison.cosine:.6f}"


def result_text(result: ResultData) -> str:
    """Return a result as a person reads it."""
    lines = [result.after or result.before or ""]
    lines += [f"{row.id}\t{row.text}" for row in result.first_rows]
    if result.rows is not None:
        seconds = f" in {result.seconds:.1f} s" if result.seconds is not None else ""
        lines.append(f"{result.rows:,} rows{seconds}")
    if result.counts:
        lines.append(counts_text(result.counts))
    if result.agreement:
        lines.append(agreement_text(result.agreement))
    lines += [f"{f.label}: {f.value} {f.unit or ''}".rstrip() for f in result.figures]
    return "\n".join(line for line in lines if line)


def agreement_text(agreement: VectorAgreement) -> str:
    """Return how close a run's vectors are to those of `encode`."""
    return f"same as encode: cosine {agreement.cosine:.4f} on {agreement.rows} rows"


def counts_text(counts: RowCounts) -> str:
    """Return where the rows went, from the file to the result."""
    parts = [] if counts.in_file is None else [f"{counts.in_file:,} rows in the file"]
    parts += [f"{counts.read:,} read", f"{counts.dropped:,} dropped"]
    parts += [f"{counts.left_out:,} left out"] if counts.left_out else []
    parts += [f"{counts.lost:,} lost"] if counts.lost else []
    return ", ".join([*parts, f"{counts.embedded:,} embedded", f"{counts.out:,} out"])
