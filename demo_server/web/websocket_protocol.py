"""uvicorn's websocket, able to close a client that takes nothing."""

from __future__ import annotations

import logging
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from demo_server.protocol.frames import CloseCode

LINGER_S = 5.0
# Not a code of ours: the websocket's own, for text that is not UTF-8.
_INVALID_DATA = 1007

log = logging.getLogger(__name__)


class SocketProtocol(WebSocketsSansIOProtocol):
    """Puts the close frame behind what waits, and gives up on the connection soon after.

    Without this a close waits for the client to read, and so does the memory of what it did not.
    """

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            if not self.writable.is_set():
                self.writable.set()
                self.loop.call_later(LINGER_S, self.transport.abort)
        else:
            await self.writable.wait()
            if self.close_sent:
                # It was closed while this waited: there is nobody to send it to any more.
                raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.accept":
            # The handshake is over, and what it said is in the scope.
            del self.request, self.response

    def keepalive_timeout(self) -> None:
        """Close a client that did not even answer a ping: it takes nothing, or is gone."""
        self.pong_timer = None
        self.pending_ping_payload = None
        if self.close_sent or self.transport.is_closing():
            return
        log.info("a client answered no ping and is closed")
        self.conn.fail(CloseCode.TOO_SLOW, "Too slow: come back.")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()
        self.loop.call_later(LINGER_S, self.transport.abort)

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
