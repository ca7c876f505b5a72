"""Learning of the experiments: `describe` runs in the driver's interpreter, its answer is cached.

The server never imports an experiment: their code may be slow to import, broken or changing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel

from demo_server import process
from demo_server.fingerprint import fingerprint
from demo_server.pipe import Descriptions
from demo_server.provenance import code_files
from demo_server.settings import Settings

PACKAGE = Path(__file__).parent
BUNDLED_DATA = PACKAGE.parent / "data" / "wordnet"
TIMEOUT_S = 120.0


class DescribeError(Exception):
    """`describe` gave no answer, and why."""


class _Cached(BaseModel):
    key: str
    descriptions: Descriptions


class Describer:
    """Runs `describe` with the server's settings, or remembers what it said."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.path = settings.cache / "describe.json"

    def remembered(self) -> Descriptions | None:
        """Return the last answer if nothing that it depends on has changed."""
        try:
            cached = _Cached.model_validate_json(self.path.read_text())
        except (OSError, ValueError):
            return None
        return cached.descriptions if cached.key == self.key() else None

    async def describe(self) -> Descriptions:
        """Run `describe` and remember its answer.

        Raises:
            DescribeError: it failed, with its last words.
        """
        key = self.key()
        try:
            text = await run_module("demo_server.driver.describe", self._flags(), TIMEOUT_S)
            descriptions = Descriptions.model_validate_json(text)
        except (ModuleError, ValueError) as error:
            raise DescribeError(f"The experiments cannot be read: {error}") from error
        cached = _Cached(key=key, descriptions=descriptions)
        try:
            self.path.write_text(cached.model_dump_json(by_alias=True))
        except OSError as error:
            raise DescribeError(f"{self.path} cannot be written: {error.strerror}") from error
        return descriptions

    def _flags(self) -> list[str]:
        return [*self._settings.source_flags(), "--machine", str(self._settings.machine_file)]

    def key(self) -> str:
        """Return what changes when the code, the settings, the machine's figures or the data do."""
        files = [*code_files(), PACKAGE / "pipe.py", self._settings.machine_file]
        return _digest(files, [*self._settings.source_flags(), sys.version, self._data()])

    def _data(self) -> str:
        spec = self._settings.dataset or str(BUNDLED_DATA)
        for name in (spec, spec.partition(":")[0]):
            with contextlib.suppress(OSError):
                return fingerprint(Path(name).expanduser())
        return "on the hub"


def _digest(files: Iterable[Path], words: Iterable[str]) -> str:
    digest = hashlib.sha256(json.dumps(list(words)).encode())
    for path in files:
        try:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        except OSError:
            digest.update(path.name.encode() + b" is not there\0")
    return digest.hexdigest()


class ModuleError(Exception):
    """A module of ours that was run in a process of its own failed; with its last words."""


async def run_module(
    module: str, flags: Iterable[str], timeout_s: float, env: dict[str, str] | None = None
) -> str:
    """Run `python -m module flags` and return what it prints.

    Its process group is killed when it takes too long, and when the caller is cancelled.

    Raises:
        ModuleError: it could not start, took too long, or ended with an error.
    """
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *flags,
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
