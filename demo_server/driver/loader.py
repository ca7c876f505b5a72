"""The experiments: every file in `demo_server/experiments/` whose name has no leading `_`."""

from __future__ import annotations

import hashlib
import importlib
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from demo_server.protocol.driver_messages import Description, Descriptions
from demo_server.protocol.errors import ExperimentError
from demo_server.system.checkout import EXPERIMENTS
from demo_server.system.code_version import code_hash
from demo_server.toolkit.context import Context, Defaults, Machine, Needs, Parameters

PACKAGE = "demo_server.experiments"
REGION = re.compile(r"^\s*# (region|endregion) (\S+)\s*$")


@dataclass(frozen=True)
class Region:
    """A part of a file that slides show: its lines (1-based, inclusive) without the markers."""

    name: str
    first: int
    last: int
    text: str


@dataclass(frozen=True)
class Experiment:
    """One experiment's module, checked."""

    name: str
    module: ModuleType
    path: Path

    @property
    def title(self) -> str:
        lines = (self.module.__doc__ or self.name).strip().splitlines()
        return lines[0].rstrip(".")

    @property
    def parameters(self) -> type[Parameters]:
        cls: type[Parameters] = self.module.Params
        return cls

    @property
    def needs(self) -> Needs:
        needs: Needs = getattr(self.module, "needs", Needs())
        return needs

    @property
    def uses_held(self) -> bool:
        return bool(getattr(self.module, "uses_held", False))

    @property
    def preloads(self) -> list[tuple[str, ...]]:
        return [tuple(modules) for modules in getattr(self.module, "preloads", ())]

    def actors(self, machine: Machine) -> int:
        """Return how many actors it has with this machine's defaults."""
        actors = self.needs.actors
        if isinstance(actors, int):
            return actors
        return int(self.values_for(machine)[actors])

    def run(self, params: Parameters, context: Context) -> Any:
        return self.module.run(params, context)

    def defaults(self, machine: Machine) -> Defaults | None:
        ask = getattr(self.module, "defaults", None)
        defaults: Defaults | None = ask(machine) if ask else None
        return defaults

    def values_for(self, machine: Machine) -> dict[str, Any]:
        """Return its parameters for a machine: no more rows than the dataset has.

        Raises:
            ValidationError: the defaults break their own ranges.
        """
        defaults = self.defaults(machine)
        values = self.parameters(**(defaults.values if defaults else {})).model_dump(mode="json")
        if "rows" in values:
            values["rows"] = min(values["rows"], machine.dataset_rows)
        return values

    def describe(self, machine: Machine) -> Description:
        """Return what the server knows of it; raises when the defaults break their own ranges."""
        schema = self.parameters.model_json_schema()
        if rows := schema.get("properties", {}).get("rows"):
            rows["maximum"] = min(rows.get("maximum", machine.dataset_rows), machine.dataset_rows)
        defaults = self.defaults(machine)
        text = self.path.read_text(encoding="utf-8")
        return Description(
            name=self.name,
            title=self.title,
            schema=schema,
            defaults=self.values_for(machine),
            reason=defaults.reason if defaults else None,
            measured=defaults is not None and machine.rate is not None,
            rate=machine.rate,
            rates=machine.rates,
            dataset_rows=machine.dataset_rows,
            regions={r.name: sha256(r.text) for r in regions(text)},
            code_hash=code_hash(self.path.parent, self.name),
            needs=self.needs,
            uses_held=self.uses_held,
            actions=list(getattr(self.module, "actions", ())),
            stages=dict(getattr(self.module, "stages", {})),
        )


def names(directory: Path = EXPERIMENTS) -> list[str]:
    """Return the experiments' names in alphabetical order, whether or not they can be imported."""
    return sorted(path.stem for path in directory.glob("*.py") if not path.name.startswith("_"))


def load(name: str, directory: Path = EXPERIMENTS) -> Experiment:
    """Import one experiment.

    Raises:
        ExperimentError: there is none of that name, it can't be imported, or it is incomplete.
    """
    path = directory / f"{name}.py"
    if name not in names(directory):
        known = ", ".join(names(directory)) or "none"
        raise ExperimentError(f"There is no experiment {name!r}; there are: {known}.")
    try:
        module = importlib.import_module(f"{PACKAGE}.{name}")
    except Exception as error:
        raise ExperimentError(f"{path.name}:{line_of(error, path)}: {summary(error)}") from error
    params, run = getattr(module, "Params", None), getattr(module, "run", None)
    if not (isinstance(params, type) and issubclass(params, Parameters)):
        raise ExperimentError(f"{path.name}:1: declare `class Params(Parameters)`.")
    if not callable(run):
        raise ExperimentError(f"{path.name}:1: define `run(params, context)`.")
    regions(path.read_text(encoding="utf-8"), path.name)
    return Experiment(name, module, path)


def describe_all(machine: Machine, directory: Path = EXPERIMENTS) -> Descriptions:
    """Describe every experiment; a broken one is named in `errors` and hinders no other."""
    found, errors = [], []
    for name in names(directory):
        try:
            experiment = load(name, directory)
        except ExperimentError as error:
            errors.append(str(error))
            continue
        try:
            found.append(experiment.describe(machine))
        except Exception as error:
            place = line_of(error, experiment.path)
            errors.append(f"{experiment.path.name}:{place}: {summary(error)}")
    return Descriptions(experiments=found, errors=errors)


def regions(text: str, file: str = "the file") -> list[Region]:
    """Return the regions of a file.

    Raises:
        ExperimentError: one is not closed or not open, stands inside another, or is there twice.
    """
    found: list[Region] = []
    lines = text.splitlines()
    opened: tuple[str, int] | None = None
    for number, kind, name in markers(lines):
        if kind == "region":
            if opened:
                raise ExperimentError(f"{file}:{number}: region {name} starts inside {opened[0]}.")
            if any(region.name == name for region in found):
                raise ExperimentError(f"{file}:{number}: there are two regions {name}.")
            opened = name, number
        elif opened is None or opened[0] != name:
            raise ExperimentError(f"{file}:{number}: region {name} ends but did not start.")
        else:
            first = opened[1] + 1
            body = "\n".join(lines[first - 1 : number - 1])
            found.append(Region(name, first, number - 1, body))
            opened = None
    if opened:
        raise ExperimentError(f"{file}:{opened[1]}: region {opened[0]} has no end.")
    return found


def markers(lines: list[str]) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(lines, start=1):
        if match := REGION.match(line):
            yield number, match[1], match[2]


def line_of(error: BaseException, path: Path) -> int:
    """Return the line of `path` that an error comes from, 1 where it names none."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno or 1 for f in reversed(frames) if f.filename == str(path)), 1)


def summary(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {' '.join(text.split())}"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
