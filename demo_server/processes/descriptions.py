"""Descriptions of the experiments: `describe` runs in a process of its own, its answer is cached.

The server never imports an experiment: their code may be slow to import, broken or changing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel

from demo_server.processes.module_runner import run_module
from demo_server.protocol.driver_messages import DescribeOptions, Descriptions
from demo_server.protocol.errors import DescribeError, ModuleError
from demo_server.system.checkout import BUNDLED_DATA
from demo_server.system.code_version import code_files
from demo_server.system.environment import ENGINES
from demo_server.system.files import fingerprint, write_atomically
from demo_server.system.machine import versions
from demo_server.system.settings import Settings

TIMEOUT_S = 120.0
# A dataset on the hub is downloaded by then.
DOWNLOAD_TIMEOUT_S = 3600.0


class _Cached(BaseModel):
    key: str
    descriptions: Descriptions


class Describer:
    """Runs `describe` with the server's settings, or returns its cached answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.path = settings.cache / "describe.json"

    def cached(self) -> Descriptions | None:
        """Return the last answer if nothing that it depends on has changed since."""
        try:
            cached = _Cached.model_validate_json(self.path.read_text())
        except (OSError, ValueError):
            return None
        return cached.descriptions if cached.key == self.key() else None

    async def describe(self) -> Descriptions:
        """Run `describe` and cache its answer.

        Raises:
            DescribeError: it failed, with its last lines of output; or no run can have this dataset
                or model.
        """
        key = self.key()
        options = DescribeOptions(inputs=self._settings.inputs, machine=self._settings.machine_file)
        try:
            text = await run_module(
                "demo_server.driver.describe", [options.model_dump_json()], self._timeout_s()
            )
            descriptions = Descriptions.model_validate_json(text)
        except (ModuleError, ValueError) as error:
            raise DescribeError(f"The experiments cannot be read: {error}") from error
        if descriptions.refusal:
            raise DescribeError(descriptions.refusal)
        cached = _Cached(key=key, descriptions=descriptions)
        try:
            write_atomically(self.path, cached.model_dump_json(by_alias=True))
        except OSError as error:
            raise DescribeError(f"{self.path} cannot be written: {error.strerror}") from error
        return descriptions

    def comparisons(self) -> list[Path]:
        """Return the files of what is known of the engines, one for each model: a driver learns."""
        return sorted((self._settings.cache / ENGINES).glob("*.json"))

    def _timeout_s(self) -> float:
        local = any(os.path.exists(os.path.expanduser(name)) for name in self._datasets())
        return TIMEOUT_S if local else DOWNLOAD_TIMEOUT_S

    def _datasets(self) -> tuple[str, str]:
        """Return the dataset as a path, and without what may follow it."""
        dataset = self._settings.inputs.dataset or str(BUNDLED_DATA)
        return dataset, dataset.partition(":")[0]

    def key(self) -> str:
        """Return what changes with all that `describe` reads."""
        inputs = self._settings.inputs
        local = [_state(*self._datasets()), _state(inputs.model or "")]
        files = [*code_files(), self._settings.machine_file, *self.comparisons()]
        # Which engines are refused depends on what is installed, and on the devices that are seen.
        installed = [json.dumps(versions()), os.environ.get("CUDA_VISIBLE_DEVICES", "all")]
        return _digest(files, [inputs.model_dump_json(), sys.version, *installed, *local])


def _state(*names: str) -> str:
    """Return what changes with the files of the first of these that are local, if one is."""
    for name in filter(None, names):
        with contextlib.suppress(OSError):
            return fingerprint(Path(name).expanduser())
    return "not local"


def _digest(files: Iterable[Path], words: Iterable[str]) -> str:
    digest = hashlib.sha256(json.dumps(list(words)).encode())
    for path in files:
        try:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        except OSError:
            digest.update(path.name.encode() + b" is not there\0")
    return digest.hexdigest()
