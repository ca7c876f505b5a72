"""One websocket of a client, down to its bytes: it can be cut in the middle of a frame."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

LOST = 1006


class Wire(asyncio.Protocol):
    """Texts in, texts out. `on_lost` gets the close code, 1006 where no close frame came."""

    def __init__(self, url: str, on_text: Callable[[str], None], on_lost: Callable[[int], None]):
        self._websocket = ClientProtocol(parse_uri(url), max_size=None)
        self._on_text, self._on_lost = on_text, on_lost
        self._bytes_left: int | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport
        self.lost = False
        self.paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._websocket.send_request(self._websocket.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        if self._bytes_left is not None:
            data = data[: self._bytes_left]
            self._bytes_left -= len(data)
        self._websocket.receive_data(data)
        for event in self._websocket.events_received():
            if isinstance(event, Response):
                if not self.opened.done():
                    self.opened.set_result(None)
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT and not self.lost:
                self._on_text(bytes(event.data).decode())
        if self._bytes_left == 0:
            self.cut()
        else:
            self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.lost:
            return
        self.lost = True
        if not self.opened.done():
            self.opened.set_exception(ConnectionResetError("closed before it was open"))
            self.opened.exception()  # read here: nobody else has to
        close = self._websocket.close_rcvd
        self._on_lost(close.code if close else LOST)

    @property
    def can_send(self) -> bool:
        return not self.lost and self._websocket.close_rcvd is None and self.opened.done()

    def send(self, text: str) -> None:
        """Send a text; on a wire that is closing it is lost, as it would be on its way."""
        data = self._framed(text)
        if data:
            self.transport.write(data)

    def send_and_cut(self, text: str, share: float) -> None:
        """Send the first `share` of a frame's bytes, then cut the connection."""
        data = self._framed(text)
        self.transport.write(data[: max(1, int(len(data) * share))])
        self._finish_and_cut()

    def write(self, data: bytes) -> None:
        """Send bytes as they are, a frame or not."""
        self.transport.write(data)

    def cut_after(self, count: int) -> None:
        """Cut the connection when `count` more bytes have come, in whatever frame that is."""
        self._bytes_left = count

    def cut(self) -> None:
        """Drop the TCP connection now, without a closing handshake."""
        self.transport.abort()

    def close(self) -> None:
        """Begin the closing handshake."""
        if self.can_send:
            self._websocket.send_close(1000)
            self._flush()

    def pause(self) -> None:
        """Take nothing from the socket until `resume`."""
        if not self.lost and not self.paused:
            self.paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        if not self.lost and self.paused:
            self.paused = False
            self.transport.resume_reading()

    def _framed(self, text: str) -> bytes:
        if not self.can_send:
            return b""
        try:
            self._websocket.send_text(text.encode())
        except InvalidState:
            return b""
        return b"".join(self._websocket.data_to_send())

    def _flush(self) -> None:
        data = b"".join(self._websocket.data_to_send())
        if data and not self.lost:
            self.transport.write(data)

    def _finish_and_cut(self) -> None:
        # A close, not an abort: what was written must reach the server before the end does.
        self.transport.close()


async def connect(
    port: int,
    on_text: Callable[[str], None],
    on_lost: Callable[[int], None],
    receive_buffer: int | None = None,
) -> Wire:
    """Open a websocket to the server on `port`; `receive_buffer` bytes wait in the kernel at most.

    Raises:
        OSError: nobody answers there, or not as a websocket.
    """
    loop = asyncio.get_running_loop()
    end = socket.socket()
    end.setblocking(False)
    if receive_buffer:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        await loop.sock_connect(end, ("127.0.0.1", port))
        url = f"ws://127.0.0.1:{port}/ws"
        _, wire = await loop.create_connection(lambda: Wire(url, on_text, on_lost), sock=end)
    except OSError:
        end.close()
        raise
    await wire.opened
    return wire
