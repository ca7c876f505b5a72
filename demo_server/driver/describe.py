"""`python -m demo_server.driver.describe OPTIONS`: what experiments there are, as JSON.

OPTIONS are `DescribeOptions` as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from demo_server.data import source
from demo_server.driver import loader
from demo_server.embedding import model
from demo_server.embedding.conversion import check_known
from demo_server.embedding.device import likely_device
from demo_server.embedding.registry import ROWS
from demo_server.embedding.transformer import EngineError
from demo_server.protocol.driver_messages import DescribeOptions, Descriptions
from demo_server.protocol.errors import InputError
from demo_server.system.cpus import usable_cpus
from demo_server.toolkit.context import Machine

# Ray's CPUs are places, not cores: an actor and the task that feeds it take two, so the server
# gives its head that many also where the machine has one core.
LEAST_CPUS = 2


def main(words: Sequence[str]) -> None:
    [text] = words
    options = DescribeOptions.model_validate_json(text)
    try:
        model.check(options.inputs.model)
        described = describe(options)
        mark_refused(described, options.inputs.model)
    except InputError as error:
        described = Descriptions(experiments=[], refusal=f"{error.message} {error.remedy}")
    sys.stdout.buffer.write(described.model_dump_json(by_alias=True).encode() + b"\n")


def describe(options: DescribeOptions) -> Descriptions:
    """Describe every experiment for this dataset and machine.

    Raises:
        InputError: the dataset can't be used.
    """
    chosen = source.resolve(options.inputs.dataset, options.inputs.text_column)
    found: dict[str, Any] = {
        "cpus": max(LEAST_CPUS, usable_cpus()),
        "device": likely_device(),
        "dataset_rows": chosen.rows,
    }
    if options.machine is not None and options.machine.exists():
        found |= json.loads(options.machine.read_text(encoding="utf-8"))
    described = loader.describe_all(Machine.model_validate(found))
    inputs = {
        "arguments": chosen.arguments,
        "column": json.dumps(chosen.text_column),
        "model": json.dumps(model.name(options.inputs.model)),
    }
    for experiment in described.experiments:
        experiment.inputs = inputs
    return described


def mark_refused(described: Descriptions, spec: str | None) -> None:
    """Write into each schema which engines are refused for a model, why, and what to do then.

    Raises:
        ModelError: it can't be used.
    """
    here = model.find(spec)  # the files of another are not there yet
    refused = {}
    for row in ROWS:
        try:
            check_known(row, here.path if here else None)
        except EngineError as error:
            refused[row.name] = {"reason": error.message, "remedy": error.remedy}
    for experiment in described.experiments:
        for schema in experiment.schema_.get("properties", {}).values():
            choices = schema.get("enum", [])
            if found := {name: why for name, why in refused.items() if name in choices}:
                schema["refused"] = found


if __name__ == "__main__":
    main(sys.argv[1:])
