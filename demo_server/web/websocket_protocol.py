"""uvicorn's websocket, able to close a client that reads nothing."""

from __future__ import annotations

import logging
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from demo_server.protocol.frames import CloseCode
from demo_server.web import limits

# The websocket's own close code for text that is not UTF-8.
_INVALID_DATA = 1007

log = logging.getLogger(__name__)


class SocketProtocol(WebSocketsSansIOProtocol):
    """Queues the close frame behind what waits, and aborts the connection soon after.

    Without this a close waits for the client to read, and what it did not read stays in memory.
    """

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            if not self.writable.is_set():
                self.writable.set()
                self.loop.call_later(limits.CLOSE_TIMEOUT_S, self.transport.abort)
        else:
            await self.writable.wait()
            if self.close_sent:
                # It was closed while this waited.
                raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.accept":
            # The handshake is over; what it carried is in the scope.
            del self.request, self.response

    def keepalive_timeout(self) -> None:
        """Close a client that answered no ping: it reads nothing, or is gone."""
        self.pong_timer = None
        self.pending_ping_payload = None
        if self.close_sent or self.transport.is_closing():
            return
        log.info("a client answered no ping and is closed")
        self.conn.fail(CloseCode.TOO_SLOW, "Too slow: come back.")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()
        self.loop.call_later(limits.CLOSE_TIMEOUT_S, self.transport.abort)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not _is_utf8(self.frames):
            # uvicorn would write a traceback for what is the client's mistake.
            self.conn.send_close(_INVALID_DATA, "Text must be UTF-8.")
            self.handle_parser_exception()
            return
        super().send_receive_event_to_app()


def _is_utf8(parts: list[bytes]) -> bool:
    try:
        b"".join(parts).decode()
    except UnicodeDecodeError:
        return False
    return True
