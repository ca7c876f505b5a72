"""The experiments as the server knows them: what may be started, and with which parameters."""

from __future__ import annotations

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
        """Return whether a run of this experiment may come to hold a result."""
        return name in self._by_name and not self._by_name[name].uses_held

    def complete(self, description: Description, params: Params) -> Params:
        """Return `params` with the defaults filled in.

        Raises:
            Refusal: a parameter is unknown, of a wrong type, out of its range, or refused here.
        """
        import jsonschema  # not needed to answer the first page

        whole = {**description.defaults, **params}
        validator = jsonschema.Draft202012Validator(description.schema_)
        error = next(iter(sorted(validator.iter_errors(whole), key=_place)), None)
        if error is not None:
            raise _bad_parameter(description, whole, error)
        for name, schema in description.schema_.get("properties", {}).items():
            value, refused = whole.get(name), schema.get("refused", {})
            if isinstance(value, str) and (why := refused.get(value)):
                message = f"{why['reason']} {why['remedy']}".strip()
                raise Refusal(ErrorCode.BAD_PARAMETER, message, name)
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
    """Return in words what a parameter may be."""
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
