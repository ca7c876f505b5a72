"""A driver without Ray, for the faults that the real one cannot be made to have on demand.

It speaks `demo_server.protocol.driver_messages` and does what its run's `does` parameter says,
step by step.
"""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import sys
import threading
import time
from queue import SimpleQueue
from typing import Any


def main() -> None:
    *flags, descriptor = sys.argv[1:]
    out = os.fdopen(int(descriptor), "w", buffering=1)
    lock = threading.Lock()
    alive = threading.Event()

    def send(**message: Any) -> None:
        with lock:
            out.write(json.dumps(message) + "\n")

    def beat() -> None:
        while not alive.wait(0.5):
            send(type="alive")

    threading.Thread(target=beat, daemon=True).start()
    if "--never-ready" in flags:
        print("the fake driver cannot begin", file=sys.stderr, flush=True)
        raise SystemExit(3)
    send(type="ready", pid=os.getpid(), versions={}, cpus=4.0, gpus=0, device="cpu")
    commands: SimpleQueue[dict[str, Any]] = SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            command = json.loads(line)
            if command["type"] not in ("connect", "prioritize"):
                commands.put(command)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        command = commands.get()
        for step in command["params"]["does"].split():
            word, _, amount = step.partition(":")
            do(word, float(amount or 1), send, commands, alive)


def do(word: str, amount: float, send: Any, commands: Any, alive: threading.Event) -> None:
    match word:
        case "plan":
            send(type="event", kind="plan", data={"operators": [{"name": "Fake"}]})
        case "progress":
            for row in range(1, int(amount) + 1):
                send(type="event", kind="progress", data={"rows": row, "total": int(amount)})
        case "stream":
            stream(amount, send)
        case "big":
            for _ in range(int(amount)):
                send(type="event", kind="note", data={"text": "x" * 100_000})
        case "sleep":
            time.sleep(amount)
        case "metrics":
            data = {
                "cpu_percent": 1,
                "cpus": 2,
                "memory_bytes": 1,
                "memory_total_bytes": 2,
                "object_store_bytes": 4096,
                "object_store_total_bytes": 8192,
            }
            send(type="event", kind="metrics", data=data)
        case "nonsense":
            send(type="event", kind="progress", data={"rows": "many"})
        case "status":
            send(type="event", kind="status", data={"status": "succeeded"})
        case "babble":
            print('{"type": "end", "status": "failed"}', flush=True)
        case "act":
            action = commands.get()
            send(type="event", kind="note", data={"text": f"{action['action']} {action['args']}"})
        case "mute":
            alive.set()
        case "crash":
            print("something broke deep inside", file=sys.stderr, flush=True)
            os._exit(int(amount))
        case "signal":
            os.kill(os.getpid(), signal.Signals(int(amount)))
        case "fail":
            send(type="end", status="failed", reason="It did not work.")
        case "hold":
            send(type="end", status="succeeded", holds=True)
        case "end":
            send(type="end", status="succeeded")
        case "endray":
            send(type="end", status="succeeded", end_ray=True)


def stream(seconds: float, send: Any) -> None:
    """Send about 200 events a second, of all kinds, in bursts as a real run does."""
    chance = random.Random(seconds)
    until, rows = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        for _ in range(chance.randint(1, 8)):
            rows += chance.randint(1, 64)
            data = {"rows": rows, "total": 10**6, "rate": chance.uniform(1, 900)}
            send(type="event", kind="progress", stage=chance.choice([None, "fast"]), data=data)
        if chance.random() < 0.4:
            sample = [sampled(chance, rows + number) for number in range(3)]
            send(type="event", kind="rows", data={"rows": sample, "batch_rows": 64})
        if chance.random() < 0.1:
            do("metrics", 1, send, None, threading.Event())
            send(type="event", kind="note", data={"text": f"row {rows} · né à 11 °C"})
        time.sleep(chance.uniform(0.005, 0.04))


def sampled(chance: random.Random, number: int) -> dict[str, Any]:
    embedding = base64.b64encode(chance.randbytes(384)).decode()
    text = f"row {number}: " + "a word " * chance.randint(1, 25)
    return {"id": str(number), "text": text[:200], "embedding": embedding, "scale": 0.01}


if __name__ == "__main__":
    main()
