"""A real driver process, spoken to over its pipes as the server does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo_server.protocol import driver_messages
from demo_server.system import process

Messages = list[dict[str, Any]]


class RealDriver:
    """`python -m demo_server.driver`; use as a context manager, which leaves nothing behind."""

    def __init__(
        self, address: str, env: dict[str, str], cwd: Path | None = None, **options: Any
    ) -> None:
        read_end, write_end = os.pipe()
        asked = driver_messages.DriverOptions(ray_address=address, **options)
        command = [sys.executable, "-m", "demo_server.driver", asked.model_dump_json()]
        self.output = Path(f"/tmp/driver-{os.getpid()}-{write_end}.out")
        with self.output.open("wb") as file:
            self.child = subprocess.Popen(
                [*command, str(write_end)],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                pass_fds=(write_end,),
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
        os.close(write_end)
        self._messages = os.fdopen(read_end)
        self.alive_at: list[float] = []

    def __enter__(self) -> RealDriver:
        return self

    def __exit__(self, *_: object) -> None:
        process.kill_group(self.child.pid)
        self.child.wait()
        assert self.child.stdin
        self.child.stdin.close()
        self._messages.close()
        self.output.unlink()

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> Messages:
        """Return the messages up to the first one wanted; fail if the driver ends before."""
        heard: Messages = []
        for line in self._messages:
            message = driver_messages.message.validate_json(line)
            if message.type == "alive":
                self.alive_at.append(time.monotonic())
                continue
            heard.append(json.loads(line))
            if wanted(heard[-1]):
                return heard
        raise AssertionError(f"the driver ended; it printed:\n{self.output.read_text()[-3000:]}")

    def ready(self) -> dict[str, Any]:
        return self.until(lambda m: m["type"] in ("ready", "end"))[-1]

    def start(self, experiment: str, directory: Path, **params: Any) -> None:
        command = driver_messages.RunCommand(
            run_id="r", experiment=experiment, params=params, directory=str(directory)
        )
        self._send(command)

    def act(self, action: str) -> None:
        """Do what the running experiment offers."""
        self._send(driver_messages.ActCommand(action=action))

    def release(self) -> None:
        """Release the result that is held."""
        self._send(driver_messages.ReleaseCommand())

    def _send(self, command: driver_messages.Line) -> None:
        assert self.child.stdin
        self.child.stdin.write(command.model_dump_json().encode() + b"\n")
        self.child.stdin.flush()

    def run(
        self, experiment: str, directory: Path, *, actions: list[str] | None = None, **params: Any
    ) -> Messages:
        """Run an experiment to its end and return all that was said.

        `actions` are done one after the other, each when rows have come.
        """
        self.start(experiment, directory, **params)
        heard: Messages = []
        for action in actions or []:
            heard += self.until(lambda m: m.get("kind") == "rows")
            self.act(action)
        return heard + self.until(lambda m: m["type"] == "end")


def events(messages: Messages, kind: str, stage: str | None = None) -> list[dict[str, Any]]:
    """Return the data of the events of one kind and stage."""
    return [m["data"] for m in messages if m.get("kind") == kind and m.get("stage") == stage]
