"""A module of ours that is run in a process of its own, and what it prints."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable

from demo_server.protocol.errors import ModuleError
from demo_server.system import process


async def run_module(
    module: str, arguments: Iterable[str], timeout_s: float, env: dict[str, str] | None = None
) -> str:
    """Run `python -m MODULE ARGUMENTS` and return what it prints.

    Its process group is killed when it takes too long, and when the caller is cancelled.

    Raises:
        ModuleError: it could not start, took too long, or ended with an error.
    """
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=env or dict(os.environ),
            start_new_session=True,
        )
    except OSError as error:
        raise ModuleError(f"{module} cannot be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await child.communicate()
    except TimeoutError:
        raise ModuleError(f"{module} took longer than {timeout_s:.0f} s") from None
    finally:
        process.kill_group(child.pid)
        await asyncio.shield(child.wait())
    if child.returncode:
        lines = err.decode(errors="replace").strip().splitlines()
        raise ModuleError(" ".join(lines[-3:])[-600:] or f"exit code {child.returncode}")
    return out.decode()
