"""What the server learns of the experiments before any of them runs."""

from __future__ import annotations

from pathlib import Path

from demo_server.driver.describe import describe
from demo_server.protocol.driver_messages import DescribeOptions
from demo_server.system.settings import Inputs


def test_each_experiment_knows_what_its_code_takes_from_dataset_and_model(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("note\n" + "text\n" * 20)
    inputs = Inputs(dataset=str(file), model=str(tmp_path))
    described = describe(DescribeOptions(inputs=inputs))
    assert described.errors == []
    expected = {
        "arguments": '"csv", split="train", data_files="mine.csv", '
        'keep_default_na=False, na_values=[""], converters={"note": str}',
        "column": '"note"',
        "model": f'"{tmp_path.name}"',
    }
    assert all(experiment.inputs == expected for experiment in described.experiments)
