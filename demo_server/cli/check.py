"""`demo-server check`: everything that the talk depends on; `--rehearse` gives it once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
import urllib.request
from collections.abc import AsyncIterator

from demo_server.cli.printers import FindingPrinter
from demo_server.cli.rehearse import rehearse
from demo_server.cli.terminal_run import load_experiments, open_composition
from demo_server.preflight.checks import Serving, phone, preflight
from demo_server.processes import state_file
from demo_server.protocol.findings import Finding
from demo_server.protocol.frames import ServerStatus
from demo_server.system.checkout import ROOT
from demo_server.system.settings import Settings

RAY_S = 120.0
PHONE_S = 60.0
HEALTH_S = 5.0


def check(settings: Settings, *, rehearsing: bool) -> int:
    """Print each finding as it comes, and return the exit code: 1 where there is a problem.

    Raises:
        DescribeError: the experiments cannot be read.
    """
    printer = FindingPrinter()

    async def show_all() -> None:
        async for finding in _findings(settings, rehearsing=rehearsing):
            printer.show(finding)

    asyncio.run(show_all())
    problems = printer.problems
    if not problems:
        print("Ready for the stage.")
        return 0
    print(f"{problems} problem{'s' if problems > 1 else ''} to fix before the talk.")
    return 1


async def _findings(settings: Settings, *, rehearsing: bool) -> AsyncIterator[Finding]:
    serving = await asyncio.to_thread(serving_now, settings)
    async for finding in preflight(settings, serving):
        if finding.name == "phone" and not finding.ok and serving:
            print(f"Open {serving.share_url} on a phone now …", file=sys.stderr, flush=True)
            yield await _phone(settings, serving)
        else:
            yield finding
    if serving is None:
        yield await ray_starts(settings)
    if rehearsing:
        async for finding in rehearse(settings, ROOT):
            yield finding


def serving_now(settings: Settings) -> Serving | None:
    """Return what the server of this cache reports about itself, None where none runs.

    A server that runs and does not answer is not ready.
    """
    entry = state_file.running_server(settings.cache)
    if entry is None or entry.url is None:
        return None
    try:
        with urllib.request.urlopen(f"{entry.url}/api/health", timeout=HEALTH_S) as answer:
            health = json.load(answer)
    except (OSError, ValueError) as error:
        silent = f"The server does not answer: {error}."
        return Serving(entry.url, ServerStatus.DEGRADED, silent, None, None)
    return Serving(
        entry.url,
        ServerStatus(health["status"]),
        health["reason"],
        health["share_url"],
        health["visited_at"],
    )


async def _phone(settings: Settings, serving: Serving) -> Finding:
    """Wait up to `PHONE_S` for a phone to load the page."""
    ends, now = time.monotonic() + PHONE_S, serving
    while now.visited_at is None and time.monotonic() < ends:
        await asyncio.sleep(0.5)
        now = await asyncio.to_thread(lambda: serving_now(settings) or serving)
    return phone(now)


async def ray_starts(settings: Settings) -> Finding:
    """Start Ray and a driver as the server would, or join the user's cluster; then end them."""
    async with open_composition(settings, await load_experiments(settings)) as composition:
        standby_pool, changed = composition.standby_pool, asyncio.Event()
        composition.scheduler.on_change = changed.set
        began = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RAY_S):
                while not standby_pool.has_ready and not standby_pool.trouble:
                    changed.clear()
                    await changed.wait()
        if standby_pool.has_ready:
            message = f"Ray and a driver were ready after {time.monotonic() - began:.0f} s."
            return Finding(name="Ray", ok=True, message=message)
        message = standby_pool.trouble or f"Ray was not ready after {RAY_S:.0f} s."
    return Finding(
        name="Ray", ok=False, message=message, remedy="Fix that and run the check again."
    )
