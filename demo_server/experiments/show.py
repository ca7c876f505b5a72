"""What came out."""

from __future__ import annotations

from demo_server.protocol.errors import RunError
from demo_server.toolkit.context import Context, Parameters
from demo_server.toolkit.result import outcome


class Params(Parameters):
    pass


uses_held = True


def run(params: Params, context: Context) -> None:
    """Ask the datasets of the last run, which this process still holds."""
    if context.held is None:
        raise RunError("There is no result to show yet: run embed first.")
    ds, materialized, counts = context.held
    # region show
    print("** Original dataset:", ds)
    print("** Materialized dataset:", materialized)
    materialized.show(3)
    # endregion show
    context.result(
        outcome(
            materialized,
            before=str(ds),
            after=str(materialized),
            text_column=context.source.text_column,
            counts=counts,
        )
    )
