"""The contenders' rows a second, as tables, ratios, bars and notes; nothing is run here."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from bench.support import peers
from bench.support.rates import Rates, median_rates, median_ratio
from demo_server.embedding import agreement

ROWS, ROUNDS = 10_000, 5
# The total has its bar here: start-up weighs less the more rows there are.
TOTAL_ROWS, TOTAL_RATIO = 3_000, 5.0
SAMPLE = 256
LEAST_COSINE = agreement.LEAST_COSINE["bf16"]

TITLES = {
    "ours": "ours in Ray",
    "course": "the course's code in Ray, one actor",
    "encode": "one encode of everything",
    "encode-pool": "encode with a pool of processes",
    "datasets-map": "datasets.map(batched=True)",
    "daft": "Daft",
    "spark": "PySpark, pandas UDF",
    "onnx": "ONNX Runtime, our batching",
    "bare": "our engine, no framework",
}
PACKAGES = ("daft", "pyspark", "onnxruntime", "onnx")


@dataclass
class Results:
    """What was measured, by contender and round; `left_out` says why one is missing."""

    rates: dict[str, dict[int, Rates]] = field(default_factory=lambda: defaultdict(dict))
    facts: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    cosines: list[float] = field(default_factory=list)

    def medians(self) -> dict[str, Rates]:
        return {name: median_rates([*by.values()]) for name, by in self.rates.items()}

    def ratio(self, ours: str, theirs: str, kind: str) -> float | None:
        """Return the median over rounds of ours / theirs, None where one is missing."""
        if ours not in self.rates or theirs not in self.rates:
            return None
        of = [
            {n: rate for n, one in self.rates[x].items() if (rate := getattr(one, kind))}
            for x in (ours, theirs)
        ]
        return median_ratio(*of) if of[0].keys() & of[1].keys() else None


def title(name: str) -> str:
    kind, _, engine = name.partition(":")
    return TITLES[kind] + (f", {engine}" if engine else "")


def table(results: Results, ceilings: dict[str, float]) -> list[dict[str, Any]]:
    rate = {"unit": "rows/s", "digits": 0}
    made = []
    for name, one in results.medians().items():
        made.append({"what": f"{title(name)}: steady", "value": one.steady, **rate})
        made.append({"what": "… in total", "value": one.total, **rate})
        if one.run is not None:
            made.append({"what": "… from the run's begin", "value": one.run, **rate})
    made += [
        {"what": f"ceiling of the processor, {precision}", "value": value, **rate}
        for precision, value in ceilings.items()
    ]
    return made


def bars(results: Results, ceilings: dict[str, float]) -> list[dict[str, Any]]:
    """Return the steady rates, for the deck's chart: whose, how much, and whether it is ours."""
    measured = [
        {"label": title(name), "rate": round(one.steady), "ours": name.startswith("ours")}
        for name, one in results.medians().items()
    ]
    limits = [
        {"label": f"the processor's limit, {precision}", "rate": round(value), "ours": False}
        for precision, value in ceilings.items()
    ]
    return measured + limits


def ratios(results: Results, rows: int, rounds: int) -> list[dict[str, Any]]:
    """Return the ratios, with their bars where rows and rounds are those that count."""
    full = rows >= ROWS and rounds >= ROUNDS
    total = TOTAL_RATIO if rows == TOTAL_ROWS and rounds >= ROUNDS else None
    openvino = ("OpenVinoBf16Embedder", "OpenVinoEmbedder")
    fastest = [engine for engine in openvino if f"ours:{engine}" in results.rates][:1]
    asked: list[tuple[str, str, str, float | None]] = [
        ("ours:TextEmbedder", "encode", "steady", 1.0),
        ("ours:TorchEmbedder", "encode", "steady", 1.25),
        ("ours:TorchBf16Embedder", "encode", "steady", 2.0),
    ]
    for engine in (*openvino, "TorchEmbedder", "TorchBf16Embedder"):
        bar = 0.85 if engine in openvino else None
        asked.append((f"ours:{engine}", f"bare:{engine}", "steady", bar))
    for pair in fastest:
        asked.append((f"ours:{pair}", "course", "steady", 4.5))
        asked.append((f"ours:{pair}", "course", "total", total))
        asked.append((f"ours:{pair}", "course", "run", None))
        asked += [(f"ours:{pair}", f"{peer}:{pair}", "steady", 1.0) for peer in ("daft", "spark")]
    asked += [
        ("ours:TorchEmbedder", peer, "steady", 1.0)
        for peer in ("daft", "spark", "datasets-map", "encode-pool")
    ]
    made = []
    for ours, theirs, kind, bar in asked:
        value = results.ratio(ours, theirs, kind)
        if value is not None:
            clock = "from the run's begin" if kind == "run" else kind
            what = f"{title(ours)} / {title(theirs)}, {clock}"
            counts = full if kind == "steady" else True
            limit = {"at_least": bar} if counts and bar is not None else {}
            made.append({"what": what, "value": value, **limit})
    return made


def notes(results: Results, rows: int, rounds: int) -> list[str]:
    full = (rows >= ROWS or rows == TOTAL_ROWS) and rounds >= ROUNDS
    size = f"{rows:,} rows of the bundled dataset, {rounds} {'round' if rounds == 1 else 'rounds'}"
    short = "" if full else f" A short run: figures that count have {ROWS:,} rows, {ROUNDS} rounds."
    known = [f"{name} {peers.version(name)}" for name in PACKAGES if peers.version(name)]
    java = peers.java()
    lowest = f"{min(results.cosines):.5f}" if results.cosines else "none was compared"
    return [
        f"{size}; medians. The contenders take turns, each in a process of its own, and a ratio "
        f"is the median of the rounds' ratios.{short}",
        "Steady: from the end of the first forward pass to the end of the last, without the "
        "first's rows; for a pool, whose rows can't be seen coming, from the call to its end. In "
        "total: from the start of the process to all embeddings in it, imports and Ray included. "
        "From the run's begin: Ray is up and the driver has imported it, as in a notebook's later "
        "cells or behind a button.",
        f"{SAMPLE} rows of each are compared with `SentenceTransformer.encode`; below a cosine of "
        f"{LEAST_COSINE} a contender is refused. Lowest of those that count: {lowest}.",
        "Ceiling: the rate of a 2,048 x 2,048 matrix product in torch over the matrix products "
        "that these rows' tokens need, padding and all else left out.",
        "As the course has it, with two actors of one CPU each on two CPUs, its code never "
        "starts: 2 x 1 CPU + 1 CPU for the read tasks = 3 of 2 CPUs. It runs here with one actor.",
        f"To compare with: {', '.join(known) or 'nothing was installed'}"
        f"{f'; {java}' if java else ''}. ONNX: the same weights, pooling and normalizing "
        "included, by `torch.onnx.export`, opset 17.",
        *[f"{title(name)}: {fact}." for name, fact in results.facts.items()],
        *[f"{title(name)}: not measured, {why}." for name, why in results.left_out.items()],
    ]
