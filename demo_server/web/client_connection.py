"""One websocket's conversation: frames in, frames out, and when it is closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import JsonValue
from starlette.websockets import WebSocketDisconnected

from demo_server.protocol import frames
from demo_server.protocol.errors import BrokenLogError, Refusal, TooManyError
from demo_server.protocol.frames import CloseCode, ErrorCode, Role
from demo_server.runs.run import Run
from demo_server.web import limits
from demo_server.web.connection_slots import ConnectionSlot, ConnectionSlots
from demo_server.web.frame_parser import BROKEN, decode
from demo_server.web.hub import Client, Hub
from demo_server.web.permissions import require_presenter
from demo_server.web.rate_limit import TokenBucket

log = logging.getLogger(__name__)


class RunControl(Protocol):
    """What presenters' commands go to; each method may raise `Refusal`."""

    def start(self, request_id: str, experiment: str, params: dict[str, JsonValue]) -> str: ...

    def cancel(self, run_id: str) -> None: ...

    def act(self, run_id: str, action: str, args: dict[str, JsonValue]) -> None: ...


@dataclass(frozen=True)
class Handshake:
    """What a websocket's handshake contains about the client."""

    address: str
    device: str | None
    """The paired device that it belongs to."""
    browser: str | None
    """The id by which its votes are counted once."""
    role_of: Callable[[str | None], Role | None]
    """The role that the hello's token gives; None after too many wrong ones."""


class ClientConnection:
    """The conversation with one client, from its hello until either side leaves."""

    def __init__(
        self, socket: WebSocket, hub: Hub, run_control: RunControl, slots: ConnectionSlots
    ) -> None:
        self._socket, self._hub, self._run_control = socket, hub, run_control
        self._slots = slots
        self._frames = TokenBucket(limits.FRAMES)
        self._bad_frames = TokenBucket(limits.BROKEN_FRAMES)

    async def run(self, handshake: Handshake) -> None:
        """Accept the websocket and serve it until either side closes it."""
        await self._socket.accept()
        try:
            await self._admit(handshake)
        except (WebSocketDisconnect, WebSocketDisconnected):
            return

    async def _admit(self, handshake: Handshake) -> None:
        try:
            with self._slots.acquire(handshake.address, handshake.device is not None) as slot:
                await self._serve(handshake, slot)
        except TooManyError as error:
            await self._socket.close(CloseCode.TRY_AGAIN_LATER, str(error))

    async def _serve(self, handshake: Handshake, slot: ConnectionSlot) -> None:
        hello = await self._hello(slot)
        if hello is None:
            return
        role = handshake.role_of(hello.token)
        if role is None:
            await self._socket.close(CloseCode.FRAME_FLOOD, "Too many wrong tokens: wait a minute.")
            return
        client = self._hub.join(role, handshake.device, handshake.browser)
        try:
            await self._exchange(client, hello)
        finally:
            self._hub.leave(client)

    async def _hello(self, slot: ConnectionSlot) -> frames.Hello | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(limits.HELLO_TIMEOUT_S) as timeout:
                self._slots.await_hello(slot, lambda: timeout.reschedule(loop.time()))
                frame = decode(await self._receive())
        except TimeoutError:
            within = f"{limits.HELLO_TIMEOUT_S:g} s"
            await self._socket.close(CloseCode.NO_HELLO, f"Send hello within {within}.")
            return None
        except Refusal as refusal:
            await self._socket.send_text(refusal.frame().model_dump_json())
            await self._socket.close(CloseCode.NO_HELLO, "The first frame must be hello.")
            return None
        finally:
            self._slots.end_wait(slot)
        if not isinstance(frame, frames.Hello):
            await self._socket.close(CloseCode.NO_HELLO, "The first frame must be hello.")
            return None
        return frame

    async def _resume(self, client: Client, hello: frames.Hello) -> None:
        """Watch again what the client watched; its welcome and the beats don't wait for that."""
        if hello.have is None:
            return
        same = hello.have.epoch == self._hub.epoch
        for run_id, seq in hello.have.runs.items():
            # Another epoch's seqs mean nothing here: such a client gets snapshots.
            try:
                await self._watch(client, run_id, seq if same else None)
            except Refusal as refusal:
                client.send_queue.reply(refusal.frame().model_dump_json())
                client.wake.set()

    async def _exchange(self, client: Client, hello: frames.Hello) -> None:
        """Write, and read in a second task, until one of both ends."""
        reader = asyncio.create_task(self._read(client, hello))
        reader.add_done_callback(lambda _: client.wake.set())
        try:
            await self._write(client, reader)
        finally:
            reader.cancel()
            [result] = await asyncio.gather(reader, return_exceptions=True)
        if isinstance(result, Exception):
            raise result

    async def _receive(self) -> str:
        """Return the next frame as text.

        Raises:
            WebSocketDisconnect: the client has gone.
            Refusal: it sent a binary frame.
        """
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
        text: str | None = message.get("text")
        if text is None:
            raise Refusal(ErrorCode.NOT_JSON, "Binary frames are not read. Send JSON as text.")
        return text

    async def _read(self, client: Client, hello: frames.Hello) -> None:
        await self._resume(client, hello)
        while True:
            # From a client that doesn't read the replies no more frames are read.
            if client.send_queue.full:
                client.drained = asyncio.Event()
                await client.drained.wait()
            request_id = None
            try:
                text = await self._receive()
                if not self._frames.spend():
                    await self._socket.close(CloseCode.FRAME_FLOOD, "Too many frames: slow down.")
                    return
                frame = decode(text)
                request_id = frame.request_id if isinstance(frame, frames.Start) else None
                await self._handle(client, frame)
            except Refusal as refusal:
                if refusal.code in BROKEN and not self._bad_frames.spend():
                    await self._socket.close(CloseCode.FRAME_FLOOD, "Too many broken frames.")
                    return
                client.send_queue.reply(refusal.frame(request_id).model_dump_json())
                client.wake.set()

    async def _write(self, client: Client, reader: asyncio.Task[None]) -> None:
        while True:
            await client.wake.wait()
            client.wake.clear()
            if reader.done():
                return
            if client.revoked:
                await self._socket.close(CloseCode.NOT_ALLOWED, "This device was revoked.")
                return
            frames = client.send_queue.drain()
            if client.drained:
                client.drained.set()
                client.drained = None
            for frame in frames:
                try:
                    async with asyncio.timeout(limits.SEND_TIMEOUT_S):
                        await self._socket.send_text(frame)
                except TimeoutError:
                    log.info(
                        "a client read nothing for %.0f s and is closed", limits.SEND_TIMEOUT_S
                    )
                    await self._socket.close(CloseCode.TOO_SLOW, "Too slow: come back.")
                    return

    async def _handle(self, client: Client, frame: frames.ClientFrame) -> None:
        match frame:
            case frames.Hello():
                raise Refusal(ErrorCode.BAD_FRAME, "hello was sent already.", field="type")
            case frames.Watch():
                await self._watch(client, frame.run_id, frame.after)
            case frames.Unwatch():
                client.send_queue.unwatch(frame.run_id)
            case frames.Publish():
                self._hub.publish(client, frame.channel, frame.patch)
            case frames.Start() | frames.Cancel() | frames.Act():
                self._command(client, frame)

    def _command(self, client: Client, frame: frames.Start | frames.Cancel | frames.Act) -> None:
        require_presenter(client.role)
        match frame:
            case frames.Start():
                run_id = self._run_control.start(frame.request_id, frame.experiment, frame.params)
                accepted = frames.Accepted(request_id=frame.request_id, run_id=run_id)
                client.send_queue.reply(accepted.model_dump_json())
                client.wake.set()
            case frames.Cancel():
                self._run_control.cancel(frame.run_id)
            case frames.Act():
                self._run_control.act(frame.run_id, frame.action, frame.args)

    async def _watch(self, client: Client, run_id: str, after: int | None) -> None:
        if (
            len(client.send_queue.watched) >= limits.MAX_WATCHED_RUNS
            and run_id not in client.send_queue.watched
        ):
            raise Refusal(
                ErrorCode.TOO_MANY,
                f"You watch {limits.MAX_WATCHED_RUNS} runs: unwatch one first.",
                "run_id",
            )
        try:
            run: Run | None = await self._hub.runs.load(run_id)
        except BrokenLogError as error:
            raise Refusal(ErrorCode.UNKNOWN_RUN, f"{error}. Start a new run.", "run_id") from None
        if run is None:
            raise Refusal(
                ErrorCode.UNKNOWN_RUN, f"There is no run {run_id!r}; it may be gone.", "run_id"
            )
        client.send_queue.watch(run, run.seq + 1 if after is None else after)
        client.wake.set()
