"""The code that slides show, with the values of a run.

In it, and in what has to stand before it, `params.x` is a parameter of the run; `inputs.x` comes
from the dataset and the model.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo_server.driver.loader import Region, regions
from demo_server.embedding.model import DEFAULT
from demo_server.system.checkout import ROOT

# Values that are code: an engine is the name of its class.
CODE = ("engine", "arguments", "engine_import")
OUR_IMPORT = re.compile(r"^from demo_server\b.+\n", re.MULTILINE)
PLACEHOLDER = re.compile(r"\b(params|inputs)\.(\w+)")


@dataclass(frozen=True)
class Values:
    """What the code on the slides takes from a run."""

    params: dict[str, Any]
    origin: str = "The values are those for two cores without a GPU."
    arguments: str = '"data/wordnet", split="train"'
    column: str = "text"
    model: str = DEFAULT
    # Of another class than `TextEmbedder`, which is defined where it is used.
    engine_import: str = ""


def region(file: str, name: str) -> str:
    """Return the code of a region, but for what it imports of this project.

    What it loads is `inputs.arguments`.

    Raises:
        SystemExit: there is no such region.
    """
    for found in regions_of(file):
        if found.name == name:
            code = OUR_IMPORT.sub("", textwrap.dedent(found.text)).strip()
            return code.replace("path, **options", "inputs.arguments")
    raise SystemExit(f"{file} has no region {name!r}.")


def regions_of(file: str) -> list[Region]:
    """Return the regions of a file, in their order."""
    return regions((ROOT / file).read_text(encoding="utf-8"), file)


def substitute(code: str, values: Values, params: Mapping[str, Any] | None = None) -> str:
    """Return code with values; with `params`, where they are those of another run.

    Raises:
        KeyError: the run has no such parameter.
    """
    chosen = values.params if params is None else params

    def value(match: re.Match[str]) -> str:
        kind, name = match.groups()
        found = chosen[name] if kind == "params" else getattr(values, name)
        return str(found) if name in CODE else literal(found)

    return PLACEHOLDER.sub(value, code)


def literal(value: Any) -> str:
    """Return a value as code, a text in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
