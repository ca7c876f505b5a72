"""The measurement of this machine, on real Ray."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo_server.embedding.registry import offered
from demo_server.processes.module_runner import run_module
from demo_server.protocol.driver_messages import DriverOptions
from demo_server.system.settings import Inputs
from demo_server.toolkit.context import Machine
from tests.support.bounds import HANG_S
from tests.support.ray_cluster import RayCluster

ROWS = 128
MORE_THAN_ANY_MACHINE = 1e6  # rows a second


async def test_calibrate_prints_the_rate_of_each_engine_that_this_machine_can_run(
    ray_head: RayCluster, tmp_path: Path
) -> None:
    file = tmp_path / "texts.parquet"
    pq.write_table(pa.table({"text": [f"text number {n}" for n in range(ROWS)]}), file)
    options = DriverOptions(ray_address=ray_head.address, inputs=Inputs(dataset=str(file)))
    began = time.monotonic()
    printed = await run_module(
        "demo_server.driver.calibrate", [options.model_dump_json()], HANG_S, ray_head.env()
    )
    seconds = time.monotonic() - began
    measured = json.loads(printed.splitlines()[-1])
    assert measured["cpus"] == 2
    machine = Machine(dataset_rows=ROWS, **measured)
    engines = offered(machine.device)
    assert machine.rate is not None
    assert machine.rates is not None
    assert machine.rates.keys() == {engine.name for engine in engines}
    assert machine.rates[engines[0].name] == pytest.approx(machine.rate)
    # All rows were embedded in that time, imports and other engines included.
    assert all(ROWS / seconds < rate < MORE_THAN_ANY_MACHINE for rate in machine.rates.values())
