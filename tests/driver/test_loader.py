"""Finding and describing the experiments."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo_server import experiments
from demo_server.driver import loader
from demo_server.driver.loader import regions
from demo_server.protocol.driver_messages import DescribeOptions, Description, Descriptions
from demo_server.protocol.errors import ExperimentError
from demo_server.system.checkout import EXPERIMENTS
from demo_server.system.settings import Inputs
from demo_server.toolkit.context import Machine

MACHINE = Machine(cpus=2, dataset_rows=100_000)
GOOD = '''"""A good one."""
from demo_server.toolkit.context import Parameters

class Params(Parameters):
    rows: int = 5

def run(params, context):
    # region shown
    return params.rows
    # endregion shown
'''


def forget() -> None:
    """Drop imported experiments, so that the next `load` reads the files again."""
    for name in [name for name in sys.modules if name.startswith(f"{loader.PACKAGE}.")]:
        del sys.modules[name]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory whose files can be imported as experiments."""
    monkeypatch.setattr(experiments, "__path__", [str(tmp_path)])
    forget()
    yield tmp_path
    forget()


def describe_one(directory: Path, text: str) -> Description:
    (directory / "one.py").write_text(text)
    forget()
    described = loader.describe_all(MACHINE, directory)
    assert described.errors == []
    return described.experiments[0]


def test_every_file_without_a_leading_underscore_is_an_experiment(
    directory: Path,
) -> None:
    (directory / "one.py").write_text(GOOD)
    (directory / "_two.py").write_text(GOOD)
    assert loader.names(directory) == ["one"]
    assert loader.load("one", directory).title == "A good one"


def test_rows_may_not_exceed_the_dataset(directory: Path) -> None:
    described = describe_one(directory, GOOD)
    assert described.schema_["properties"]["rows"]["maximum"] == 100_000
    assert described.schema_["additionalProperties"] is False
    assert described.defaults == {"rows": 5}


def test_the_hash_of_a_region_depends_on_that_region_alone(directory: Path) -> None:
    before = describe_one(directory, GOOD)
    after = describe_one(directory, GOOD + "\nMORE = 1\n")
    assert after.code_hash != before.code_hash
    assert after.regions == before.regions
    changed = describe_one(directory, GOOD.replace("return params.rows", "return 2"))
    assert changed.regions != before.regions


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (GOOD + "\nimport no_such_module\n", "bad.py:12: ModuleNotFoundError: No module named"),
        (GOOD + "\nx = (\n", "bad.py:12: SyntaxError: "),
        (GOOD.replace("class Params", "class Other"), "bad.py:1: declare `class Params"),
        (GOOD.replace("def run", "def go"), "bad.py:1: define `run(params, context)`"),
        (GOOD.replace("# endregion shown", ""), "bad.py:8: region shown has no end."),
        (
            GOOD + "\ndef defaults(machine):\n    return undefined\n",
            "bad.py:13: NameError: ",
        ),
    ],
)
def test_a_broken_file_is_reported_with_its_line_and_the_others_load(
    directory: Path, text: str, error: str
) -> None:
    (directory / "one.py").write_text(GOOD)
    (directory / "bad.py").write_text(text)
    described = loader.describe_all(MACHINE, directory)
    assert [e.name for e in described.experiments] == ["one"]
    assert [e.startswith(error) for e in described.errors] == [True], described.errors


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("# region a\n# region b\n", "2: region b starts inside a"),
        ("# endregion a\n", "1: region a ends but did not start"),
        ("# region a\n# endregion b\n", "2: region b ends but did not start"),
        ("# region a\n# endregion a\n# region a\n# endregion a\n", "3: there are two regions a"),
    ],
)
def test_overlapping_regions_are_rejected_with_their_line(text: str, error: str) -> None:
    with pytest.raises(ExperimentError, match=error):
        regions(text)


def test_an_unknown_experiment_is_rejected_with_the_known_ones() -> None:
    with pytest.raises(ExperimentError, match="'nothing'; there are: dataset, embed"):
        loader.load("nothing")


def test_the_regions_on_slides_exist_and_are_short() -> None:
    found = {
        f"{name}#{region.name}": region.text.strip("\n").splitlines()
        for name in loader.names()
        for region in regions((EXPERIMENTS / f"{name}.py").read_text())
    }
    assert {
        *("dataset#load", "dataset#blocks", "dataset#inspect", "embed#pipeline"),
        *("embed#materialize", "peek#peek", "show#show"),
        *("out_of_memory#large", "out_of_memory#small", "shutdown#shutdown"),
    } <= found.keys()
    for name, lines in found.items():
        indent = min(len(line) - len(line.lstrip()) for line in lines if line)
        assert len(lines) <= 14, name
        assert max(len(line) - indent for line in lines) <= 66, name


@pytest.mark.parametrize("cpus", [2, 3, 4, 8, 64])
@pytest.mark.parametrize("rate", [None, 3.0, 250.0, 20_000.0])
@pytest.mark.parametrize("rows", [1, 90, 100_000])
def test_defaults_can_be_scheduled_on_any_machine(cpus: int, rate: float | None, rows: int) -> None:
    machine = Machine(cpus=cpus, rate=rate, dataset_rows=rows)
    for description in loader.describe_all(machine).experiments:
        amount = description.defaults
        actors, each = (
            amount[need] if isinstance(need, str) else need
            for need in (description.needs.actors, description.needs.cpus_per_actor)
        )
        assert actors * each + description.needs.task_cpus <= cpus  # type: ignore[operator]
        assert amount.get("rows", 1) <= rows  # type: ignore[operator]


def test_rows_by_default_are_about_forty_seconds_of_the_measured_rate() -> None:
    [embed] = [
        d
        for d in loader.describe_all(Machine(cpus=2, rate=250, dataset_rows=100_000)).experiments
        if d.name == "embed"
    ]
    assert embed.defaults["rows"] == 10_000
    assert embed.measured
    assert embed.reason == ("250 rows/s, measured here.")


def test_rates_are_reported_by_engine() -> None:
    rates = {"TextEmbedder": 300.0, "OpenVinoBf16Embedder": 700.0}
    machine = Machine(cpus=2, rate=300.0, rates=rates, dataset_rows=100_000)
    described = {d.name: d for d in loader.describe_all(machine).experiments}["embed"]
    assert described.rates == rates
    assert rates[str(described.defaults["engine"])] == described.rate


def test_describe_prints_json_and_does_not_load_the_model_library(tmp_path: Path) -> None:
    machine = tmp_path / "machine.json"
    machine.write_text(json.dumps({"rate": 500.0, "device": "cpu", "measured_for": "x"}))
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['describe', {DescribeOptions(machine=machine).model_dump_json()!r}]\n"
        "runpy.run_module('demo_server.driver.describe', run_name='__main__')\n"
        "loaded = {'torch', 'sentence_transformers'} & set(sys.modules)\n"
        "sys.exit(f'{loaded} were imported' if loaded else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    described = Descriptions.model_validate_json(done.stdout)
    assert {e.name for e in described.experiments} >= {"embed", "show", "shutdown"}
    assert all(e.rate == 500.0 for e in described.experiments)


def test_describe_reports_a_wrong_dataset_in_a_sentence() -> None:
    options = DescribeOptions(inputs=Inputs(dataset="/no/such/file"))
    command = [sys.executable, "-m", "demo_server.driver.describe", options.model_dump_json()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refusal = Descriptions.model_validate_json(done.stdout).refusal
    assert refusal
    assert refusal.startswith("There is no file or directory /no/such/file.")
