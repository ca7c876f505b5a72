"""`demo-server check`: everything the talk stands on, in a terminal; `--rehearse` gives it once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Sequence

from demo_server.cli.options import Parser, add_source_options, source_settings
from demo_server.cli.rehearse import rehearse
from demo_server.cli.run import read_catalog, working
from demo_server.preflight.checks import Serving, phone, preflight
from demo_server.processes import state_file
from demo_server.protocol.findings import Finding
from demo_server.protocol.frames import ServerStatus
from demo_server.system.checkout import ROOT
from demo_server.system.settings import DEFAULT_PORT, Settings

RAY_S = 120.0
PHONE_S = 60.0
HEALTH_S = 5.0


def check(argv: Sequence[str]) -> int:
    """Run `demo-server check` and return its exit code: 0 where everything is well.

    Raises:
        SettingsError: a flag cannot be used.
        DescribeError: the experiments cannot be read.
    """
    parser = Parser(prog="demo-server check", description=check.__doc__)
    add_source_options(parser)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="where it will be served")
    parser.add_argument(
        "--rehearse",
        action="store_true",
        help="run every experiment of the talk once, hold it against the notes' times, record it",
    )
    args = parser.parse_args(argv)
    settings = source_settings(args, port=args.port)
    bad = asyncio.run(_report(_findings(settings, rehearsing=args.rehearse)))
    print("Ready for the stage." if not bad else f"{bad} to mend before the talk.")
    return 1 if bad else 0


async def _report(findings: AsyncIterator[Finding]) -> int:
    """Print each finding as it comes; return how many are bad."""
    bad = 0
    async for finding in findings:
        print(line(finding), flush=True)
        bad += not finding.ok
    return bad


def line(finding: Finding) -> str:
    """Return a finding as one line, or two where there is something to do."""
    mark = "✓" if finding.ok else "✗"
    text = f"{mark} {finding.name:<11} {finding.says}"
    return f"{text}\n  {'':<11} {finding.remedy}" if finding.remedy else text


async def _findings(settings: Settings, *, rehearsing: bool) -> AsyncIterator[Finding]:
    serving = await asyncio.to_thread(serving_now, settings)
    async for finding in preflight(settings, serving):
        if finding.name == "phone" and not finding.ok and serving:
            print(f"Open {serving.share_url} on a phone now …", file=sys.stderr, flush=True)
            yield await _phone(settings, serving)
        else:
            yield finding
    if serving is None:
        yield await ray_up(settings)
    if rehearsing:
        async for finding in rehearse(settings, ROOT):
            yield finding


def serving_now(settings: Settings) -> Serving | None:
    """Return what the server of this cache says of itself, None where none runs.

    One that runs and does not answer is a server that is not ready.
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
    """Wait a while for a phone to load the page."""
    ends, now = time.monotonic() + PHONE_S, serving
    while now.visited_at is None and time.monotonic() < ends:
        await asyncio.sleep(0.5)
        now = await asyncio.to_thread(lambda: serving_now(settings) or serving)
    return phone(now)


async def ray_up(settings: Settings) -> Finding:
    """Start Ray and a driver as the server would, or join the user's cluster, and end them."""
    async with working(settings, await read_catalog(settings)) as composition:
        standby_pool, changed = composition.standby_pool, asyncio.Event()
        composition.scheduler.on_change = changed.set
        began = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RAY_S):
                while not standby_pool.has_ready and not standby_pool.trouble:
                    changed.clear()
                    await changed.wait()
        if standby_pool.has_ready:
            says = f"Ray and a driver were up after {time.monotonic() - began:.0f} s."
            return Finding(name="Ray", ok=True, says=says)
        says = standby_pool.trouble or f"Ray was not up after {RAY_S:.0f} s."
    return Finding(name="Ray", ok=False, says=says, remedy="Mend that and look again.")
