"""Write tests/vectors/fold.json: runs of events and the states that they fold to.

The seeds are fixed, so the file changes only when the fold or the protocol does.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo_server.protocol.event_kinds import KINDS, event
from demo_server.runs.fold import fold

MAX_ROWS, MAX_NOTES, MAX_POINTS = (
    append.cap for name in ("rows", "note", "progress") if (append := KINDS[name].appends)
)

TARGET = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "fold.json"
STAGES = (None, "large_batch", "small_batch")
STATUSES = ("queued", "starting", "running", "succeeded")


def build_vectors() -> list[dict[str, Any]]:
    """Every vector: a name, its events, and the state after each of some seqs."""
    mixed = [_vector(f"mixed, seed {seed}", _mixed(random.Random(seed))) for seed in range(8)]
    return [
        _vector("no event at all", []),
        *mixed,
        _vector("more rows than are kept", _repeat(_rows, MAX_ROWS // 2, random.Random(20))),
        _vector("more notes than are kept", _repeat(_note, MAX_NOTES + 7, random.Random(21))),
        _vector("points thinned twice", _repeat(_progress, 2 * MAX_POINTS + 9, random.Random(22))),
    ]


def _vector(name: str, bodies: list[dict[str, Any]]) -> dict[str, Any]:
    events = [
        event.validate_python({"seq": i + 1, "t": 37 * i, **body}) for i, body in enumerate(bodies)
    ]
    marks = sorted({0, len(events) // 3, len(events) // 2, len(events)})
    return {
        "name": name,
        "events": [event.dump_python(e, mode="json") for e in events],
        "states": {str(k): fold(events[:k]).model_dump(mode="json") for k in marks},
    }


def _mixed(rng: random.Random) -> list[dict[str, Any]]:
    makers = (_status, _plan, _progress, _rows, _metrics, _note, _result, _failure, _step, _passes)
    return [rng.choice(makers)(rng) for _ in range(rng.randint(1, 60))]


def _repeat(
    make: Callable[[random.Random], dict[str, Any]], times: int, rng: random.Random
) -> list[dict[str, Any]]:
    return [{**make(rng), "stage": None} for _ in range(times)]


def _body(rng: random.Random, kind: str, **data: Any) -> dict[str, Any]:
    return {"kind": kind, "stage": rng.choice(STAGES), "data": data}


def _status(rng: random.Random) -> dict[str, Any]:
    return _body(rng, "status", status=rng.choice(STATUSES), place=rng.choice((None, 1, 2)))


def _plan(rng: random.Random) -> dict[str, Any]:
    operators = [{"name": f"Operator{i}"} for i in range(rng.randint(0, 3))]
    return _body(rng, "plan", operators=operators, total_rows=rng.randint(0, 9000))


def _progress(rng: random.Random) -> dict[str, Any]:
    rate = rng.choice((None, round(rng.uniform(0, 900), 2)))
    return _body(rng, "progress", rows=rng.randint(0, 9000), rate=rate)


def _rows(rng: random.Random) -> dict[str, Any]:
    rows = [{"id": str(rng.randint(0, 9999)), "text": "שלום 🌱"} for _ in range(rng.randint(0, 6))]
    return _body(rng, "rows", rows=rows, batch_rows=len(rows), finished_at=1.5e12)


def _metrics(rng: random.Random) -> dict[str, Any]:
    return _body(
        rng,
        "metrics",
        cpu_percent=round(rng.uniform(0, 100), 1),
        cpus=2,
        memory_bytes=rng.randint(0, 10**10),
        memory_total_bytes=10**10,
        object_store_bytes=0,
        object_store_total_bytes=10**9,
    )


def _note(rng: random.Random) -> dict[str, Any]:
    return _body(
        rng, "note", text=f"note {rng.randint(0, 99)}", level=rng.choice(("info", "warning"))
    )


def _result(rng: random.Random) -> dict[str, Any]:
    return _body(rng, "result", rows=rng.randint(0, 9000), seconds=round(rng.uniform(0, 60), 3))


def _failure(rng: random.Random) -> dict[str, Any]:
    return _body(rng, "failure", exception="MemoryError", message="", expected=rng.random() < 0.5)


def _step(rng: random.Random) -> dict[str, Any]:
    cost = round(rng.uniform(1, 200), 2)
    rest = {"seconds": 1.5, "start_s": 0.5, "cost_s": cost, "rate": 1000 / cost}
    return _body(rng, "step", title=f"Step {rng.randint(1, 16)}", rows=rng.randint(1, 99), **rest)


def _passes(rng: random.Random) -> dict[str, Any]:
    passes = [{"tokens": rng.randint(1, 99), "padding": rng.randint(0, 99)} for _ in range(3)]
    return _body(rng, "passes", passes=passes)


def write_vectors(target: Path = TARGET) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(vector, ensure_ascii=False) for vector in build_vectors())
    target.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    write_vectors()
