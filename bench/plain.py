"""`python -m bench.plain ADDRESS PARAMS ARRIVALS`: the pipeline of `embed` on a Ray that is up.

Nothing watches: no events, no log, no samples; a line in a file for each forward pass.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import ray

from bench.contenders.ours import Embedder
from demo_server.data import source
from demo_server.driver.cluster import cluster_resources, connect
from demo_server.embedding import model
from demo_server.embedding.device import likely_device
from demo_server.experiments import embed
from demo_server.system.cpus import usable_cpus
from demo_server.toolkit.context import Context


class Unwatched(Context):
    """The context of a run that nobody watches."""

    arrivals: str

    def embedder(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {"arrivals": self.arrivals, **super().embedder(*args, **kwargs)}


def main() -> None:
    address, params, arrivals = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
    connect(address, own_head=True)
    # As a driver of the server has it.
    settings = ray.data.DataContext.get_current()
    settings.execution_options.preserve_order = True
    settings.enable_progress_bars = False
    resources = cluster_resources()
    # The one line that the slide's pipeline has for watching.
    embed.live = lambda udf: Embedder  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as directory:
        context = Unwatched(
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
        context.arrivals = arrivals
        embed.run(embed.Params(**params), context)


if __name__ == "__main__":
    main()
