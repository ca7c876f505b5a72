"""The experiments as the server knows them: what may be started, and with which parameters."""

from __future__ import annotations

import math
from typing import Any

from pydantic import JsonValue

from demo_server.protocol.driver_messages import Description, Descriptions
from demo_server.protocol.errors import Refusal
from demo_server.protocol.frames import ErrorCode, ExperimentInfo

Params = dict[str, JsonValue]


class Experiments:
    """Checks a start before anything happens. Empty until `describe` has answered."""

    def __init__(
        self, descriptions: Descriptions | None = None, trouble: str | None = None
    ) -> None:
        self._by_name = {d.name: d for d in (descriptions.experiments if descriptions else [])}
        self.known = descriptions is not None
        self.trouble = trouble

    @property
    def infos(self) -> list[ExperimentInfo]:
        """What clients see of it."""
        shown = ExperimentInfo.model_fields.keys()
        return [
            ExperimentInfo.model_validate({name: getattr(d, name) for name in shown})
            for d in self._by_name.values()
        ]

    def get(self, name: str) -> Description:
        """Return an experiment.

        Raises:
            Refusal: there is none of that name, or none is known yet.
        """
        if not self.known:
            waiting = "The experiments are still being read: try in a few seconds."
            raise Refusal(ErrorCode.NOT_READY, self.trouble or waiting)
        if name not in self._by_name:
            known = ", ".join(self._by_name) or "none"
            raise Refusal(
                ErrorCode.UNKNOWN_EXPERIMENT,
                f"There is no experiment {name!r}. There is: {known}.",
                "experiment",
            )
        return self._by_name[name]

    def may_hold(self, name: str) -> bool:
        """Tell whether a run of this experiment may come to hold a result."""
        return name in self._by_name and not self._by_name[name].uses_held

    def complete(self, description: Description, params: Params) -> Params:
        """Return `params` with the defaults filled in.

        Raises:
            Refusal: a parameter is unknown, of a wrong type or out of its range.
        """
        import jsonschema  # not needed to answer the first page

        whole = {**description.defaults, **params}
        validator = jsonschema.Draft202012Validator(description.schema_)
        error = next(iter(sorted(validator.iter_errors(whole), key=_place)), None)
        if error is not None:
            raise _bad_parameter(description, whole, error)
        return whole


def _place(error: Any) -> str:
    return "/".join(map(str, error.absolute_path))


def _bad_parameter(description: Description, params: Params, error: Any) -> Refusal:
    properties = description.schema_.get("properties", {})
    if error.validator == "additionalProperties":
        field = next(name for name in params if name not in properties)
        message = f"{description.name} has no parameter {field!r}. It has: {', '.join(properties)}."
    elif error.validator == "required":
        field = next(name for name in error.validator_value if name not in params)
        message = f"{description.name} needs {field!r}: {_range(properties.get(field, {}))}."
    else:
        field = str(error.absolute_path[0]) if error.absolute_path else "params"
        given = repr(error.instance)[:80]
        message = f"{field} must be {_range(properties.get(field, {}))}, not {given}."
    return Refusal(ErrorCode.BAD_PARAMETER, message, field)


def _range(schema: dict[str, Any]) -> str:
    """Say in words what a parameter may be."""
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    kind = {"integer": "a whole number", "number": "a number", "string": "a text"}.get(
        schema.get("type", ""), schema.get("type", "as its schema says")
    )
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return f"{kind} from {low} to {high}"
    if low is not None:
        return f"{kind} of at least {low}"
    return f"{kind} of at most {high}" if high is not None else kind


def check_feasible(description: Description, params: Params, cpus: float) -> None:
    """Add up what a run asks of the cluster, because Ray would wait for ever without a word.

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
    raise Refusal(
        ErrorCode.INFEASIBLE,
        f"{actors:g} {'actor' if actors == 1 else 'actors'} x {each:g} CPU + "
        f"{needs.task_cpus:g} CPU for the read and repartition tasks = {total:g} CPUs, "
        f"but there are {cpus:g}. Ray would wait for ever. {remedy}",
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
    """Return a need as a number; a string names the parameter that says it."""
    value = params[need] if isinstance(need, str) else need
    if not isinstance(value, int | float):
        raise TypeError(f"{need} = {value!r} is no amount")
    return float(value)
