"""Ray as fork servers import it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from demo_server.system.fork_server import FORKS

# Forks draw what would differ in processes that were not forked.
DRAW = """
import os
def drawn(draw):
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.write(write_end, draw())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as file:
        return file.read()
"""


def test_forks_of_the_drivers_server_draw_different_ids() -> None:
    assert_different("import demo_server.driver.startup as s; s.load_experiments()")


# A process that has asked for the graphics card can't use it after a fork.
NO_CARD = "import torch; torch.cuda.is_available = torch.cuda.device_count = None"


@pytest.mark.parametrize("library", ["sentence_transformers", "openvino"])
def test_forks_of_a_workers_server_draw_different_ids_and_may_use_a_graphics_card(
    library: str,
) -> None:
    catalog = "import demo_server.driver.loader as l; [l.load(n) for n in l.names()]"
    assert_different(f"{NO_CARD}; import {library}; {catalog}")


def assert_different(imports: str) -> None:
    if not FORKS:
        pytest.skip("macOS allows no such fork")
    program = f"""
from demo_server.ray_internals.forkable_ray import import_ray
import_ray()
{imports}
{DRAW}
import ray, sys
assert "grpc" not in sys.modules and not ray.is_initialized()
ids = {{drawn(lambda: ray.NodeID.from_random().binary()) for _ in range(3)}}
assert len(ids) == 3, ids
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
