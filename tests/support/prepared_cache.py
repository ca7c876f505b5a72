"""What a server or driver makes once for each machine, made once for all tests.

`python -m tests.support.prepared_cache DIRECTORY` gives a new server's cache the converted model
and a measurement of the machine; without them each server would spend a minute of the processor
on both.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from demo_server.processes.calibration import KEY, Calibration
from demo_server.system.checkout import CACHE
from demo_server.system.settings import Settings
from tests.support.fakes import FakeRay

EMBEDDING = Path(__file__).parents[2] / "demo_server" / "embedding"
CONVERT = (
    "from demo_server.embedding import conversion, model; "
    "conversion.ensure(model.resolve(None).path)"
)
COMPLETE = "complete"
# Rows a second that every machine can be said to do: what is asked of it then ends soon.
RATE = 50.0


@functools.cache
def converted_model() -> Path:
    """Return a cache with the converted model, for this state of the code that converts it."""
    sources = b"".join(path.read_bytes() for path in sorted(EMBEDDING.glob("*.py")))
    cache = CACHE / "prepared" / hashlib.sha256(sources).hexdigest()[:16]
    if not (cache / COMPLETE).exists():
        for older in cache.parent.glob("*"):
            if older != cache:
                shutil.rmtree(older, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        env = {**os.environ, "DEMO_CACHE": str(cache)}
        subprocess.run([sys.executable, "-c", CONVERT], env=env, check=True)
        (cache / COMPLETE).touch()
    return cache


def prepare(cache: Path) -> None:
    """Give a server's new cache what it would else make while it waits for its first run."""
    cache.mkdir(parents=True, exist_ok=True)
    prepared = converted_model()
    (cache / "openvino").symlink_to(prepared / "openvino")
    shutil.copy(prepared / "model-sha256.json", cache)
    write_measurement(Settings(cache=cache))


def write_measurement(settings: Settings) -> None:
    """State that the machine is measured, so that no server of these settings does it."""

    async def nothing() -> None: ...

    key = Calibration(settings, FakeRay(), nothing).key()
    measured = {KEY: key, "rate": RATE, "device": "cpu"}
    settings.machine_file.write_text(json.dumps(measured))


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
