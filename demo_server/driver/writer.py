"""The driver's side of the messages pipe: one JSON line for each message."""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue

from demo_server.protocol.driver_messages import ALIVE_INTERVAL_S, Alive, Message


class MessageWriter:
    """Sends messages from any thread, in order, without making the caller wait.

    Ray's scheduling loop reports through this, so a slow reader must never hold it up.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="messages", daemon=True)
        self._writer.start()

    def send(self, message: Message) -> None:
        """Queue one message."""
        self._lines.put(message.model_dump_json(exclude_none=True).encode() + b"\n")

    def keep_alive(self) -> None:
        """Report every second, from a thread of its own, that this process lives."""
        threading.Thread(target=self._beat, name="alive", daemon=True).start()

    def close(self) -> None:
        """Write what is queued, then close the pipe."""
        self._lines.put(None)
        self._writer.join()
        os.close(self._descriptor)

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(ALIVE_INTERVAL_S):
            self.send(Alive())

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except BrokenPipeError:  # the server is gone, and with it the reason to run
                os._exit(0)
