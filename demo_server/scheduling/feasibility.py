"""Whether the cluster has the CPUs that a run asks for, added up before Ray waits for them."""

from __future__ import annotations

import math

from pydantic import JsonValue

from demo_server.protocol.driver_messages import Description
from demo_server.protocol.errors import Refusal
from demo_server.protocol.frames import ErrorCode

Params = dict[str, JsonValue]


def check_feasible(description: Description, params: Params, cpus: float) -> None:
    """Add up what a run asks of the cluster, because Ray only waits for CPUs that never come free.

    Raises:
        Refusal: it asks for more than `cpus`; with the sum, and with parameters that would do.
    """
    needs = description.needs
    actors, each = _amount(needs.actors, params), _amount(needs.cpus_per_actor, params)
    total = actors * each + needs.task_cpus
    if total <= cpus:
        return
    field = next((n for n in (needs.actors, needs.cpus_per_actor) if isinstance(n, str)), None)
    feasible = _feasible(description, params, cpus)
    change = {name: value for name, value in (feasible or {}).items() if params[name] != value}
    remedy = (
        "Choose " + " and ".join(f"{name} = {value}" for name, value in change.items()) + "."
        if change
        else "Use a machine with more CPUs."
    )
    tasks = f" + {needs.task_cpus:g} CPU for the tasks that feed them" if needs.task_cpus else ""
    raise Refusal(
        ErrorCode.INFEASIBLE,
        f"{actors:g} {'actor' if actors == 1 else 'actors'} x {each:g} CPU{tasks} = {total:g} "
        f"CPUs, but there are {cpus:g}. {remedy}",
        field,
        feasible,
    )


def _feasible(description: Description, params: Params, cpus: float) -> Params | None:
    """Return `params` with fewer actors, or then smaller ones, so that they fit; None for never."""
    needs = description.needs
    spare = cpus - needs.task_cpus
    each = _amount(needs.cpus_per_actor, params)
    fitting = dict(params)
    if isinstance(needs.actors, str):
        fitting[needs.actors] = max(1, math.floor(spare / each))
    if isinstance(needs.cpus_per_actor, str):
        actors = _amount(needs.actors, fitting)
        fitting[needs.cpus_per_actor] = min(int(each), max(1, math.floor(spare / actors)))
    total = _amount(needs.actors, fitting) * _amount(needs.cpus_per_actor, fitting)
    return fitting if total <= spare else None


def _amount(need: str | float, params: Params) -> float:
    """Return a need as a number; a string names the parameter that has it."""
    value = params[need] if isinstance(need, str) else need
    if not isinstance(value, int | float):
        raise TypeError(f"{need} = {value!r} is not an amount")
    return float(value)
