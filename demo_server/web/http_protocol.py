"""uvicorn's HTTP, with a bound on how long a connection may send no request."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from demo_server.web import limits


class HttpProtocol(H11Protocol):
    """Closes connections without a request: after a while, or at once where there are too many."""

    _request_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_timer()
        if len(self.connections) > limits.MAX_CONNECTIONS:
            waiting = [
                (other._request_timer.when(), other.transport)
                for other in self.connections
                if isinstance(other, HttpProtocol) and other._request_timer
            ]
            min(waiting, key=lambda entry: entry[0])[1].abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_timer()
        elif self._request_timer is None and self.timeout_keep_alive_task is None:
            self._start_timer()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._stop_timer()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._request_timer = self.loop.call_later(limits.REQUEST_TIMEOUT_S, self._abort)

    def _stop_timer(self) -> None:
        if self._request_timer:
            self._request_timer.cancel()
            self._request_timer = None

    def _abort(self) -> None:
        self._request_timer = None
        self.transport.abort()
