"""The server process, from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import math
import os
import resource
import secrets
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import uvicorn
from fastapi import FastAPI

from demo_server.composition import Composition
from demo_server.preflight.checks import Serving, preflight
from demo_server.processes import state_file
from demo_server.processes.calibration import Calibration
from demo_server.processes.state_file import StateFile
from demo_server.protocol.errors import DescribeError, ServeError
from demo_server.protocol.findings import Finding
from demo_server.protocol.frames import ServerStatus
from demo_server.runs.log import Author
from demo_server.scheduling.experiments import Experiments
from demo_server.system import process
from demo_server.system.addresses import EVERYWHERE, LOOPBACK
from demo_server.system.code_version import code_version
from demo_server.system.settings import Settings
from demo_server.web import limits
from demo_server.web.app import create_app
from demo_server.web.auth import Credentials, session_key
from demo_server.web.dependencies import Parts
from demo_server.web.hosts import HostRule
from demo_server.web.http_protocol import HttpProtocol
from demo_server.web.hub import Hub
from demo_server.web.paired_devices import PairedDevices
from demo_server.web.share_url import Sharing
from demo_server.web.websocket_protocol import SocketProtocol

POLL_INTERVAL_S = 2.0
# What could not be read may become readable by itself: a hub that was out of reach.
DESCRIBE_RETRY_S = 30.0
RECORDED = "This talk plays its recordings. Start it without --recorded to run anything."

log = logging.getLogger("demo_server")


class DemoServer:
    """One server: its runs, its clients, and what it does by itself."""

    def __init__(
        self, settings: Settings, port: int, composition: Composition, secret: str
    ) -> None:
        self.settings = settings
        self.composition = composition
        self.hub = Hub(secrets.token_hex(8), self.composition.runs, settings.recorded)
        self.composition.runs.on_accept.append(self.hub.accepted)
        key = session_key(settings.cache / "session.key")
        devices = PairedDevices(settings.cache / "devices.json")
        self.credentials = Credentials(settings.token, secret, key, devices=devices)
        if settings.pairing_code:
            self.credentials.add_code(settings.pairing_code)
        self.calibration = Calibration(settings, composition.ray, self._describe)
        self.composition.scheduler.on_change = self._announce
        self._retry_describe_at = math.inf
        self._described_code: object = None
        self._described_comparisons: object = None
        self._describe_error: str | None = None
        self._url = f"http://localhost:{port}"
        self.sharing = Sharing(port, settings.share, settings.public_url)
        self.hub.share_url = self.sharing.url
        rule = HostRule(port, settings.allow_hosts, settings.allow_origins, self.sharing)
        parts = Parts(
            hub=self.hub,
            run_control=self.composition.scheduler,
            credentials=self.credentials,
            port=port,
            dist=settings.dist,
            preflight=self._preflight,
        )
        self.app = create_app(parts, rule)
        self.app.router.lifespan_context = self._lifespan

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        self.composition.runs.recover(_is_author_alive)
        tasks = [asyncio.create_task(self.hub.tick_forever())]
        if self.settings.recorded:
            self.composition.scheduler.catalog = Experiments(trouble=RECORDED)
            self.hub.announce(ServerStatus.READY, None, [])
        else:
            tasks.append(asyncio.create_task(self._watch_code()))
        yield
        for task in tasks:
            task.cancel()
        self.calibration.interrupt()
        await self.composition.close()

    def _preflight(self) -> AsyncIterator[Finding]:
        """Check everything that the talk needs, this server included."""
        hub = self.hub
        serving = Serving(self._url, hub.status, hub.reason, hub.share_url, hub.visited_at)
        return preflight(self.settings, serving)

    async def _watch_code(self) -> None:
        """Start everything that takes time, then describe the experiments whenever that changes."""
        cached = self.composition.describer.cached()
        if cached:
            self._described_code = code_version()
            self._described_comparisons = self.composition.describer.comparisons()
            self.composition.scheduler.catalog = Experiments(cached)
        self.composition.scheduler.open()
        while True:
            retry = asyncio.get_running_loop().time() >= self._retry_describe_at
            learned = self._described_comparisons != self.composition.describer.comparisons()
            # What is learned of an engine may wait: describing takes a core from a run.
            may_describe = learned and self.composition.scheduler.idle_and_ready
            if retry or may_describe or self._described_code != code_version():
                await self._describe()
            idle = self.composition.scheduler.idle_and_ready
            if idle and self.calibration.needed():
                self.calibration.start()
            if self.sharing.url != self.hub.share_url:
                self._announce()
            await asyncio.sleep(POLL_INTERVAL_S)

    async def _describe(self) -> None:
        code, comparisons = code_version(), self.composition.describer.comparisons()
        try:
            descriptions = await self.composition.describer.describe()
        except DescribeError as error:
            log.error("%s", error)
            self._describe_error = str(error)
            self._retry_describe_at = asyncio.get_running_loop().time() + DESCRIBE_RETRY_S
            if not self.composition.scheduler.catalog.known:
                self.composition.scheduler.catalog = Experiments(trouble=self._describe_error)
        else:
            self._retry_describe_at = math.inf
            self._describe_error = " ".join(descriptions.errors) or None
            self.composition.scheduler.catalog = Experiments(descriptions)
        self._described_code, self._described_comparisons = code, comparisons
        self._announce()

    def _announce(self) -> None:
        scheduler = self.composition.scheduler
        if scheduler.busy:
            self.calibration.interrupt()
        status, reason = self.composition.standby_pool.status
        if self._describe_error:
            status, reason = ServerStatus.DEGRADED, self._describe_error
        elif not scheduler.catalog.known and status is ServerStatus.READY:
            status, reason = ServerStatus.STARTING, "The experiments are being read."
        self.hub.announce(status, reason, scheduler.catalog.infos, self.sharing.url)


def _is_author_alive(author: Author) -> bool:
    return author.pid != os.getpid() and process.is_alive(author.pid, author.started_at)


class _Uvicorn(uvicorn.Server):
    """Leaves the signals to us: three of them end the server, and none as an error."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(
    settings: Settings, compose: Callable[[Settings, StateFile], Composition] = Composition
) -> None:
    """Serve until a signal, or until standard input closes where that was asked for.

    `compose` is for the stress program, whose runs come from something other than Ray.

    Raises:
        ServeError: the port is taken, another server uses this cache, or no file can be written.
    """
    other = state_file.running_server(settings.cache)
    if other:
        raise ServeError(f"A server runs already at {other.url} (process {other.pid}).")
    _allow_open_files()
    listener = _listen(settings.host, settings.port)
    port = int(listener.getsockname()[1])
    # A server on all addresses is reached from this machine at its loopback address.
    name = {EVERYWHERE: LOOPBACK}.get(settings.host, settings.host)
    host = f"[{name}]" if ":" in name else name
    secret = secrets.token_urlsafe(24)
    own_file = StateFile(settings.cache / state_file.SERVER, secret)
    own_file.entry.port, own_file.entry.url = port, f"http://{host}:{port}"
    try:
        ended = state_file.end_orphans(settings.cache)
        if ended:
            log.info("%d processes of a server that was killed were ended", ended)
        own_file.write()
        server = DemoServer(settings, port, compose(settings, own_file), secret)
    except OSError as error:
        raise ServeError(f"{settings.cache} cannot be used: {error.strerror}.") from error
    log.info("serving at %s", own_file.entry.url)
    if settings.share or settings.public_url:
        log.info("the audience's address: %s", server.sharing.url or "none yet, join a network")
    try:
        asyncio.run(_run(server.app, listener, settings))
    finally:
        own_file.close()


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, limits.OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Without listen(), a second server could bind the same port until uvicorn does.
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ServeError(
            f"Port {port} of {host} cannot be used: {(error.strerror or str(error)).lower()}. "
            "End what uses it, or choose another with --port."
        ) from error
    return listener


def uvicorn_config(app: FastAPI) -> uvicorn.Config:
    """Return how the app is served: small frames in, no compression, no access log."""
    return uvicorn.Config(
        app,
        http=HttpProtocol,
        ws=SocketProtocol,
        ws_max_size=limits.MAX_CLIENT_FRAME_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=limits.PING_INTERVAL_S,
        ws_ping_timeout=limits.SEND_TIMEOUT_S,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


async def _run(app: FastAPI, listener: socket.socket, settings: Settings) -> None:
    server = _Uvicorn(uvicorn_config(app))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(name, stop)
    if settings.stop_on_stdin_close:
        watcher = threading.Thread(target=_wait_for_stdin, args=(loop, stop), daemon=True)
        watcher.start()
    # What was imported stays: keep it out of every later collection.
    gc.freeze()
    await server.serve([listener])


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, stop: object) -> None:
    while os.read(0, 4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended by another way
        loop.call_soon_threadsafe(stop)  # type: ignore[arg-type]
