"""A fork server: a process that has imported what programs need, and forks one for each request.

A program that takes seconds to import then begins in milliseconds, shares the memory of what was
imported, and is as much on its own as any other process. A request is one message on a Unix socket,
with the program's three standard streams with it; of further descriptors the numbers become its
last arguments. The answers are its process id and, when it has ended, its exit status. Only a
process with one thread may fork like this: what it imports must leave none behind that Python or a
lock of a library knows of.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

# macOS allows no fork of a process that has used its frameworks, as numpy does.
FORKS = sys.platform == "linux"
STREAMS = 3
MOST_DESCRIPTORS = 8
MOST_BYTES = 1 << 18
BACKLOG = 64
REQUEST_S = 5.0


@dataclass(frozen=True)
class Program:
    """What to run: `argv` is a script's path and its arguments, or `-m`, a module and its own."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    new_session: bool = False

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    def run(self) -> None:
        """Do what Python does with such a command line."""
        if self.argv[0] == "-m":
            sys.argv = self.argv[1:]
            sys.modules.pop(self.argv[1], None)  # it may have been imported as what it isn't now
            runpy.run_module(self.argv[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = self.argv
            sys.path[0] = str(Path(self.argv[0]).parent)
            runpy.run_path(self.argv[0], run_name="__main__")


def ask(path: str, program: Program, streams: list[int]) -> socket.socket:
    """Return a connection that gives the answers.

    Raises:
        OSError: nobody serves there.
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        client.connect(path)
        socket.send_fds(client, [program.encode()], streams)
    except OSError:
        client.close()
        raise
    return client


def listen(path: str) -> socket.socket:
    """Return a socket on which requests may wait until somebody serves them."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(BACKLOG)
    return listener


class ForkServer:
    """Forks programs for the processes that ask on `listener`.

    Args:
        listener: see `listen`.
        lifeline: a descriptor; when its other end is closed no more requests are taken.
        prepare: called with the first program, before it is forked.
        forked: told of each child, by its process id.
        ended: told of each end.
    """

    def __init__(
        self,
        listener: socket.socket,
        lifeline: int | None = None,
        prepare: Callable[[Program], None] = lambda program: None,
        forked: Callable[[int, Program], None] = lambda pid, program: None,
        ended: Callable[[int], None] = lambda pid: None,
    ) -> None:
        self._listener, self._lifeline = listener, lifeline
        self._prepare, self._forked, self._ended = prepare, forked, ended
        self._prepared = False
        self._clients: dict[int, socket.socket] = {}  # by the process id of their program

    def serve(self) -> Program | None:
        """Serve; in a child, return what it shall run. None when all is over.

        Programs outlive the lifeline: their ends are reported until the last of them.
        """
        woken, wake = socket.socketpair()
        wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            if self._lifeline is not None:
                selector.register(self._lifeline, selectors.EVENT_READ)
            serving = True
            while serving or self._clients:
                for key, _ in selector.select():
                    if key.fileobj is woken:
                        woken.recv(4096)
                        self._reap()
                    elif key.fileobj is self._listener:
                        if program := self._answer():
                            signal.set_wakeup_fd(-1)
                            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                            woken.close()
                            wake.close()
                            return program
                    else:
                        serving = False
                        selector.unregister(key.fileobj)
                        selector.unregister(self._listener)
                        self._listener.close()
        return None

    def _answer(self) -> Program | None:
        """Fork what a client asks for; in the child, return it."""
        client, _ = self._listener.accept()
        client.settimeout(REQUEST_S)
        try:
            message, streams, _, _ = socket.recv_fds(client, MOST_BYTES, MOST_DESCRIPTORS)
        except OSError:  # it has gone away, or says nothing
            client.close()
            return None
        if len(streams) < STREAMS:
            client.close()
            return None
        program = Program(**json.loads(message))
        if not self._prepared:
            self._prepare(program)
            gc.collect()
            gc.freeze()  # a collection in a child would copy all that it looks at
            self._prepared = True
        pid = os.fork()
        if pid == 0:
            self._become(program, client, streams)
            return program
        for stream in streams:
            os.close(stream)
        self._clients[pid] = client
        self._forked(pid, program)
        return None

    def _become(self, program: Program, client: socket.socket, streams: list[int]) -> None:
        """Give a child what is its own: session, streams, environment and directory."""
        for connection in (self._listener, *self._clients.values()):
            connection.close()
        if program.new_session:
            os.setsid()
        else:
            os.setpgrp()
        if "numpy" in sys.modules:  # Python's own generator does it by itself
            sys.modules["numpy"].random.seed()
        with client:
            self._send(client, {"pid": os.getpid()})
        for number, stream in enumerate(streams[:STREAMS]):
            os.dup2(stream, number)
            os.close(stream)
        for descriptor in streams[STREAMS:]:
            os.set_inheritable(descriptor, False)
            program.argv.append(str(descriptor))
        os.environ.clear()
        os.environ.update(program.env)
        os.chdir(program.cwd)

    def _reap(self) -> None:
        while self._clients:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if client := self._clients.pop(pid, None):  # else an import has started it
                self._ended(pid)
                self._send(client, {"status": os.waitstatus_to_exitcode(status)})
                client.close()

    def _send(self, client: socket.socket, answer: dict[str, int]) -> None:
        try:
            client.send(json.dumps(answer).encode())
        except OSError:  # it wanted to know no more
            return
