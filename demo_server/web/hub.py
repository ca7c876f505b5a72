"""All connected clients, and what each of them is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count

from demo_server.protocol.frames import (
    ExperimentInfo,
    Role,
    RunStarted,
    Server,
    ServerStatus,
    Welcome,
)
from demo_server.runs.run import Run
from demo_server.runs.run_registry import RunRegistry
from demo_server.web import limits
from demo_server.web.redaction import without_directories
from demo_server.web.send_queue import SendQueue
from demo_server.web.shared_state import Patch, SharedState

TICK_S = limits.FLUSH_INTERVAL_S[Role.PRESENTER]
_VIEWER_TICKS = round(limits.FLUSH_INTERVAL_S[Role.VIEWER] / TICK_S)
_BEAT_TICKS = round(limits.BEAT_INTERVAL_S / TICK_S)


class Client:
    """One connected client: its role, what waits for it, and the voter it is bound to.

    `device` is the paired device that it belongs to, if any; with that one it is `revoked`.
    `browser` is the same for all windows of one browser, None where it sends no cookie.
    """

    def __init__(
        self,
        role: Role,
        send_queue: SendQueue,
        device: str | None = None,
        browser: str | None = None,
    ) -> None:
        self.role, self.send_queue, self.device, self.browser = role, send_queue, device, browser
        self.revoked = False
        self.voter: str | None = None
        self.wake = asyncio.Event()
        # Set only while its reader waits for it: an event for each client costs memory.
        self.drained: asyncio.Event | None = None


class Hub:
    """Passes on what happens to every client. Events they take from the run at their next flush."""

    def __init__(self, epoch: str, runs: RunRegistry, recorded: bool = False) -> None:
        self.epoch, self.runs, self.recorded = epoch, runs, recorded
        self.channels = SharedState()
        self.clients: set[Client] = set()
        self.status = ServerStatus.STARTING
        self.reason: str | None = "The server is starting."
        self.share_url: str | None = None
        # When a device last opened that address, Unix time in seconds.
        self.visited_at: float | None = None
        self.experiments: list[ExperimentInfo] = []

    def join(self, role: Role, device: str | None = None, browser: str | None = None) -> Client:
        """Add a client; its first frame is the welcome."""
        client = Client(role, SendQueue(self.epoch), device, browser)
        welcome = Welcome(
            epoch=self.epoch,
            role=role,
            status=self.status,
            reason=self.reason_for(role),
            share_url=self.share_url,
            experiments=self.experiments,
            runs=self.runs.list()[-limits.WELCOME_RUNS :],
            channels=self.channels.state,
            recorded=self.recorded,
        )
        client.send_queue.reply(welcome.model_dump_json(by_alias=True))
        client.wake.set()
        self.clients.add(client)
        return client

    @property
    def position(self) -> str:
        """Where the deck is, as the end of a slide's address; empty until a page is published."""
        state = self.channels.state.get("deck", {})
        page, clicks = state.get("page"), state.get("clicks")
        if not isinstance(page, int) or page < 1:
            return ""
        return f"{page}?clicks={clicks}" if isinstance(clicks, int) and clicks > 0 else str(page)

    def reason_for(self, role: Role) -> str | None:
        """Return why the server is not ready; only the presenter learns of this machine's paths."""
        is_public = role is not Role.PRESENTER and self.reason is not None
        return without_directories(self.reason or "") if is_public else self.reason

    def leave(self, client: Client) -> None:
        self.clients.discard(client)

    def revoke(self, device: str) -> None:
        """Revoke the rights of a device's clients at once, and close them."""
        for client in self.clients:
            if client.device == device:
                client.role, client.revoked = Role.VIEWER, True
                client.wake.set()

    def announce(
        self,
        status: ServerStatus,
        reason: str | None,
        experiments: list[ExperimentInfo],
        share_url: str | None = None,
    ) -> None:
        """Send all clients the server's status when it has changed."""
        known = (self.status, self.reason, self.experiments, self.share_url)
        if (status, reason, experiments, share_url) == known:
            return
        self.status, self.reason, self.experiments = status, reason, experiments
        self.share_url = share_url
        encoded = {role: self._server_frame(role) for role in Role}
        for client in self.clients:
            client.send_queue.server(encoded[client.role])
            client.wake.set()

    def _server_frame(self, role: Role) -> str:
        frame = Server(
            status=self.status,
            reason=self.reason_for(role),
            share_url=self.share_url,
            experiments=self.experiments,
        )
        return frame.model_dump_json(by_alias=True)

    def accepted(self, run: Run) -> None:
        encoded = RunStarted(run=run.info).model_dump_json()
        for client in self.clients:
            client.send_queue.run(run.run_id, encoded)
            client.wake.set()

    def publish(self, sender: Client, channel: str, patch: Patch) -> None:
        """Merge a patch into a channel and pass it on to all others.

        Raises:
            Refusal: the sender may not, or the state would grow too large.
        """
        sender.voter = self.channels.publish(
            sender.role, channel, patch, sender.voter, sender.browser
        )
        for client in self.clients:
            if client is not sender:
                client.send_queue.patch(channel, patch)

    async def tick_forever(self) -> None:
        """Wake each role's writers at its pace, those that have something to send, and beat."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for tick in count(1):
            await asyncio.sleep(max(0.0, start + tick * TICK_S - loop.time()))
            for client in self._due(tick):
                client.wake.set()

    def _due(self, tick: int) -> Iterator[Client]:
        beat = tick % _BEAT_TICKS == 0
        for client in self.clients:
            if beat:
                client.send_queue.beat()
            at_its_pace = client.role is Role.PRESENTER or tick % _VIEWER_TICKS == 0
            if at_its_pace and client.send_queue.pending:
                yield client
