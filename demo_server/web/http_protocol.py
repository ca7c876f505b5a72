"""uvicorn's HTTP, not waiting for ever for a request that does not come."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_TIMEOUT_S = 10.0
# Below the files that the process may open; websockets are counted with them.
MAX_SOCKETS = 3000


class HttpProtocol(H11Protocol):
    """Closes who connects and asks for nothing, at once where there are too many."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MAX_SOCKETS:
            waiting = [
                (other._patience.when(), other.transport)
                for other in self.connections
                if isinstance(other, HttpProtocol) and other._patience
            ]
            min(waiting, key=lambda entry: entry[0])[1].abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._go_on()
        elif self._patience is None and self.timeout_keep_alive_task is None:
            self._wait()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._go_on()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._go_on()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._patience = self.loop.call_later(REQUEST_TIMEOUT_S, self._give_up)

    def _go_on(self) -> None:
        if self._patience:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        self.transport.abort()
