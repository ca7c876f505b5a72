"""`python -m bench.support.plain ADDRESS PARAMS ARRIVALS`: `embed`'s pipeline on a Ray that is up.

Nothing watches: no events, no log, no samples; a line in a file for each forward pass.
"""

from __future__ import annotations

import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import ray

from bench.contenders.job import arrived
from demo_server.data import source
from demo_server.driver.cluster import cluster_resources, connect
from demo_server.embedding import counters, model
from demo_server.embedding.device import likely_device
from demo_server.experiments import embed
from demo_server.ray_internals.dataset_methods import code_replaced
from demo_server.system.cpus import usable_cpus
from demo_server.toolkit.context import Context


def noting(arrivals: str, code: Any) -> tuple[Any, dict[str, Any]]:
    """Return the class, which also notes each forward pass in the file of arrivals."""

    class Noting(code):  # type: ignore[misc]
        def __call__(self, batch: Any) -> Any:
            with counters.listening(lambda rows, vectors: arrived(arrivals, len(rows))):
                return super().__call__(batch)

    return Noting, {}


def main() -> None:
    address, params, arrivals = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
    connect(address, own_head=True)
    # As a driver of the server has it.
    settings = ray.data.DataContext.get_current()
    settings.execution_options.preserve_order = True
    settings.enable_progress_bars = False
    resources = cluster_resources()
    with code_replaced(partial(noting, arrivals)), tempfile.TemporaryDirectory() as directory:
        context = Context(
            send=lambda message: None,
            source=source.resolve(),
            model=model.resolve().path,
            device=likely_device(),
            cpus=int(resources.get("CPU", 0)),
            cores=usable_cpus(),
            gpus=resources.get("GPU", 0.0),
            directory=Path(directory),
            own_head=True,
        )
        embed.run(embed.Params(**params), context)


if __name__ == "__main__":
    main()
