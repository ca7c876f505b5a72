"""A process that forks programs for whoever asks, and reports their ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from demo_server.system.checkout import PACKAGE
from demo_server.system.fork_server import FORKS, Program, ask, listen
from tests.support.bounds import HANG_S

pytestmark = pytest.mark.skipif(not FORKS, reason="macOS allows no such fork")

# `json.tool` stands for what takes long to import.
SERVER = """
import os, socket, sys
from demo_server.system.fork_server import ForkServer
import json.tool, numpy

def prepare(first):
    print("prepared for", first.argv[-1], flush=True)

server = ForkServer(socket.socket(fileno=int(sys.argv[1])), lifeline=0, prepare=prepare)
if program := server.serve():
    program.run()
"""
SEEN = """
import json, os, random, sys
import numpy
print(json.dumps({
    "argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd(),
    "leads": os.getsid(0) == os.getpid(), "drawn": [random.random(), numpy.random.rand()],
    "imported": "json.tool" in sys.modules, "input": sys.stdin.read(), "name": __name__,
}))
"""


@dataclass
class Asked:
    """A program that was asked for."""

    answers: socket.socket
    output: Path
    pid: int

    def status(self) -> int:
        with self.answers:
            return int(json.loads(self.answers.recv(1000))["status"])

    def seen(self) -> dict[str, Any]:
        assert self.status() == 0, self.output.read_text()
        found: dict[str, Any] = json.loads(self.output.read_text())
        return found


@dataclass
class Server:
    """A fork server and its socket; its lifeline is its standard input."""

    directory: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        with listen(self.path) as listener:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVER, str(listener.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(listener.fileno(),),
                cwd=PACKAGE.parent,
            )

    @property
    def path(self) -> str:
        return str(self.directory / "socket")

    def ask(self, *argv: str, words: bytes = b"", more: tuple[int, ...] = (), **env: str) -> Asked:
        output = self.directory / f"{len(list(self.directory.iterdir()))}.out"
        read_end, write_end = os.pipe()
        os.write(write_end, words)
        os.close(write_end)
        program = Program(list(argv), env, str(self.directory), new_session=True)
        with output.open("wb") as file:
            streams = [read_end, file.fileno(), file.fileno(), *more]
            answers = ask(self.path, program, streams)
        os.close(read_end)
        answers.settimeout(HANG_S)
        return Asked(answers, output, int(json.loads(answers.recv(1000))["pid"]))

    def let_go(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="fork-", dir="/tmp") as directory:
        made = Server(Path(directory))
        yield made
        made.process.kill()
        made.process.wait()
        for pipe in (made.process.stdin, made.process.stdout):
            assert pipe
            pipe.close()


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "seen.py"
    path.write_text(SEEN)
    return str(path)


def test_a_program_has_its_arguments_environment_directory_and_streams(
    server: Server, script: str
) -> None:
    seen = server.ask(script, "one", "two", words=b"words", COLOUR="red").seen()
    assert seen["argv"] == [script, "one", "two"]
    assert seen["env"] == {"COLOUR": "red"}
    assert Path(seen["cwd"]).samefile(server.directory)
    assert seen["input"] == "words"
    assert seen["leads"]
    assert seen["name"] == "__main__"


def test_a_program_has_what_the_server_imported(server: Server, script: str) -> None:
    assert server.ask(script).seen()["imported"]


def test_no_two_programs_draw_the_same_random_numbers(server: Server, script: str) -> None:
    one, other = (server.ask(script).seen()["drawn"] for _ in range(2))
    assert set(one).isdisjoint(other)


def test_a_module_is_run_as_on_a_command_line(server: Server) -> None:
    asked = server.ask("-m", "json.tool", "--compact", words=b'{"a": 1}')
    assert asked.status() == 0
    assert asked.output.read_text() == '{"a":1}\n'


def test_further_descriptors_become_the_last_arguments(server: Server, script: str) -> None:
    read_end, write_end = os.pipe()
    writes = server.directory / "writes.py"
    writes.write_text("import os, sys; os.write(int(sys.argv[-1]), b'word')")
    assert server.ask(str(writes), more=(write_end,)).status() == 0
    os.close(write_end)
    with os.fdopen(read_end, "rb") as file:
        assert file.read() == b"word"


@pytest.mark.parametrize(
    ("code", "status"),
    [("raise SystemExit(3)", 3), ("1 / 0", 1), ("import os; os.kill(os.getpid(), 9)", -9)],
)
def test_the_end_of_a_program_is_reported(server: Server, code: str, status: int) -> None:
    program = server.directory / "ends.py"
    program.write_text(code)
    assert server.ask(str(program)).status() == status


def test_an_error_of_a_program_is_printed_and_hinders_no_other(server: Server, script: str) -> None:
    program = server.directory / "wrong.py"
    program.write_text("raise ValueError('on purpose')")
    wrong = server.ask(str(program))
    assert wrong.status() == 1
    assert "ValueError: on purpose" in wrong.output.read_text()
    assert server.ask(script).seen()["name"] == "__main__"


def test_it_prepares_once_before_the_first_program(server: Server, script: str) -> None:
    for word in ("first", "second"):
        server.ask(script, word).seen()
    server.let_go()
    assert server.process.stdout
    assert server.process.stdout.read() == b"prepared for first\n"


def test_a_program_outlives_the_lifeline_and_its_end_is_still_reported(server: Server) -> None:
    program = server.directory / "waits.py"
    program.write_text("import sys; sys.stdin.read(); raise SystemExit(5)")
    read_end, write_end = os.pipe()
    argv = [str(program)]
    answers = ask(server.path, Program(argv, {}, "/"), [read_end, 1, 2])
    answers.settimeout(HANG_S)
    assert answers.recv(1000)
    server.let_go()
    with pytest.raises(subprocess.TimeoutExpired):
        server.process.wait(0.5)
    with pytest.raises(ConnectionRefusedError):
        ask(server.path, Program(argv, {}, "/"), [0, 1, 2])
    os.close(read_end)
    os.close(write_end)
    with answers:
        assert json.loads(answers.recv(1000)) == {"status": 5}
    assert server.process.wait(HANG_S) == 0


def test_a_client_that_leaves_without_a_request_hinders_no_other(
    server: Server, script: str
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(server.path)
    assert server.ask(script).seen()["name"] == "__main__"
