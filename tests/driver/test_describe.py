"""What the server learns of the experiments before any of them runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo_server.driver.describe import describe, mark_refused
from demo_server.embedding import agreement, registry
from demo_server.embedding.agreement import Agreement
from demo_server.protocol.driver_messages import DescribeOptions
from demo_server.system.settings import Inputs
from tests.support import tiny_models


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


def refused(model: Path) -> dict[str, dict[str, list[str]]]:
    """Return the engines that are refused for a model, by experiment and parameter."""
    described = describe(DescribeOptions())
    mark_refused(described, str(model))
    return {
        experiment.name: {
            name: list(schema["refused"])
            for name, schema in experiment.schema_["properties"].items()
            if "refused" in schema
        }
        for experiment in described.experiments
    }


def test_an_engine_that_is_known_to_give_other_vectors_is_refused_wherever_it_can_be_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "cpu_has_bf16", lambda: True)
    place = tiny_models.save(tmp_path / "model")
    assert not any(refused(place).values())
    agreement.directory().mkdir(parents=True)
    agreement.keep(str(place), {"TorchEmbedder": Agreement(refusal="others")})
    found = refused(place)
    assert found["embed"] == found["race"] == {"engine": ["TorchEmbedder"]}
    assert found["shutdown"] == {}


def test_engines_are_refused_for_what_the_machine_or_the_models_files_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "cpu_has_bf16", lambda: False)
    bf16 = ["TorchBf16Embedder", "OpenVinoBf16Embedder"]
    assert refused(tiny_models.save(tmp_path / "model"))["embed"] == {"engine": bf16}
    names = [row.name for row in registry.ROWS]
    assert refused(tiny_models.static(tmp_path / "static"))["embed"] == {"engine": names[1:]}
