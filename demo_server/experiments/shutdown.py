"""Shut Ray down."""

from __future__ import annotations

import ray

from demo_server.toolkit.context import Context, Parameters


class Params(Parameters):
    pass


uses_held = True


def run(params: Params, context: Context) -> None:
    """Disconnect, which frees what this process held; then Ray ends too, if it is ours."""
    # region shutdown
    ray.shutdown()
    # endregion shutdown
    if context.own_head:
        context.end_ray = True
    else:
        context.note("Only disconnected: this Ray cluster was not started here, so it runs on.")
