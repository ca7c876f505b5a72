"""Whether a run may be started at all, decided before anything happens."""

from __future__ import annotations

from demo_server.protocol.driver_messages import Description
from demo_server.protocol.errors import Refusal
from demo_server.protocol.frames import ErrorCode
from demo_server.scheduling.experiments import Experiments, Params
from demo_server.scheduling.feasibility import check_feasible

# Ends Ray whether or not something is held.
SHUTDOWN = "shutdown"


def admit(
    catalog: Experiments, experiment: str, params: Params, cpus: float | None, held: bool
) -> tuple[Description, Params]:
    """Return the experiment and its whole parameters.

    `cpus` are the cluster's, None while they are not known; `held` says whether a result is or
    will be there to ask.

    Raises:
        Refusal: it cannot be run, and why.
    """
    description = catalog.get(experiment)
    whole = catalog.complete(description, params)
    if cpus is not None:
        check_feasible(description, whole, cpus)
    if needs_held(description) and not held:
        raise Refusal(
            ErrorCode.NOT_READY,
            f"{experiment} asks the materialized dataset, and there is none: run embed first.",
            "experiment",
        )
    return description, whole


def admit_to_begin(catalog: Experiments, experiment: str, held: bool) -> Description:
    """Check what may have changed while a run waited.

    Raises:
        Refusal: it cannot begin any more, and why.
    """
    description = catalog.get(experiment)
    if needs_held(description) and not held:
        raise Refusal(
            ErrorCode.NOT_READY,
            "What this run asks about is not held any more: run embed again.",
            "experiment",
        )
    return description


def needs_held(description: Description) -> bool:
    """Return whether an experiment cannot run without a driver that holds a result."""
    return description.uses_held and description.name != SHUTDOWN


def check_action(description: Description, action: str) -> None:
    """Refuse an action that a run of this experiment does not offer.

    Raises:
        Refusal: naming those that it does.
    """
    if action not in description.actions:
        known = ", ".join(description.actions) or "none"
        raise Refusal(
            ErrorCode.UNKNOWN_ACTION,
            f"{description.name} has no action {action!r}. It has: {known}.",
            "action",
        )
