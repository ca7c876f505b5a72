"""`python -m demo_server.driver.describe`: what experiments there are, as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from demo_server.data import source
from demo_server.driver import loader
from demo_server.embedding.device import available_cpus, likely_device
from demo_server.protocol.driver_messages import Descriptions
from demo_server.protocol.errors import InputError
from demo_server.toolkit.context import Machine

# Ray's CPUs are places, not cores: an actor and the task that feeds it take two, so the server
# gives its head that many also where the machine has one core.
LEAST_CPUS = 2


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m demo_server.driver.describe", description=__doc__
    )
    parser.add_argument("--dataset", help="hub id, directory or file; the bundled one if left out")
    parser.add_argument("--text-column", help="the column to embed, where it can't be told")
    parser.add_argument("--model", help="hub id or directory")
    parser.add_argument("--machine", type=Path, help="what `calibrate` printed, in a file")
    args = parser.parse_args()
    try:
        described = describe(args.dataset or None, args.text_column, args.machine)
    except InputError as error:
        raise SystemExit(f"{error.message} {error.remedy}") from error
    sys.stdout.write(described.model_dump_json(by_alias=True) + "\n")


def describe(dataset: str | None, text_column: str | None, machine: Path | None) -> Descriptions:
    """Describe every experiment for this dataset and machine.

    Raises:
        InputError: the dataset can't be used.
    """
    found: dict[str, Any] = {
        "cpus": max(LEAST_CPUS, available_cpus()),
        "device": likely_device(),
        "dataset_rows": source.resolve(dataset, text_column).rows,
    }
    if machine is not None and machine.exists():
        found |= json.loads(machine.read_text(encoding="utf-8"))
    return loader.describe_all(Machine.model_validate(found))


if __name__ == "__main__":
    main()
