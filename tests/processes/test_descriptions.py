"""Learning of the experiments, and measuring, in processes that may fail or be ended."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import psutil
import pytest

from demo_server.processes import descriptions
from demo_server.processes.calibration import KEY, Calibration
from demo_server.processes.descriptions import Describer
from demo_server.processes.module_runner import run_module
from demo_server.protocol.driver_messages import Descriptions
from demo_server.protocol.errors import DescribeError, ModuleError
from demo_server.system.environment import ENGINES
from demo_server.system.settings import Inputs, Settings
from tests.support.bounds import HANG_S, SOON_S
from tests.support.fakes import DESCRIPTIONS, FakeRay

SLEEP = ["-n1", "-r1", "import time; time.sleep(60)"]


def sleepers() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "time.sleep(60)" in " ".join(p.cmdline())]


async def test_a_failed_module_raises_its_last_lines() -> None:
    with pytest.raises(ModuleError, match="nonsense"):
        await run_module("timeit", ["nonsense"], 30)


async def test_a_module_over_its_time_is_killed() -> None:
    started = time.monotonic()
    with pytest.raises(ModuleError, match="longer than"):
        await run_module("timeit", SLEEP, 0.3)
    assert time.monotonic() - started < SOON_S
    await asyncio.sleep(0.1)
    assert sleepers() == []


async def test_a_cancelled_module_leaves_no_process() -> None:
    task = asyncio.create_task(run_module("timeit", SLEEP, 30))
    await asyncio.sleep(0.5)
    assert len(sleepers()) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.1)
    assert sleepers() == []


async def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    async def run(*_: object) -> str:
        return text

    monkeypatch.setattr(descriptions, "run_module", run)
    monkeypatch.setattr("demo_server.processes.calibration.run_module", run)


async def test_descriptions_are_cached_until_something_changes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    describer = Describer(settings)
    assert describer.cached() is None
    await answer(monkeypatch, DESCRIPTIONS.model_dump_json(by_alias=True))
    await describer.describe()
    assert describer.cached() == DESCRIPTIONS
    settings.machine_file.write_text("{}")
    assert describer.cached() is None


async def test_a_local_dataset_that_changes_is_described_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data.csv"
    data.write_text("text\none\n")
    describer = Describer(Settings(cache=settings.cache, inputs=Inputs(dataset=str(data))))
    await answer(monkeypatch, DESCRIPTIONS.model_dump_json(by_alias=True))
    await describer.describe()
    assert describer.cached() == DESCRIPTIONS
    data.write_text("text\none\ntwo\n")
    assert describer.cached() is None


async def test_a_local_model_that_changes_is_checked_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "model" / "config.json"
    config.parent.mkdir()
    config.write_text("{}")
    inputs = Inputs(model=str(config.parent))
    describer = Describer(Settings(cache=settings.cache, inputs=inputs))
    await answer(monkeypatch, DESCRIPTIONS.model_dump_json(by_alias=True))
    await describer.describe()
    assert describer.cached() == DESCRIPTIONS
    config.unlink()
    assert describer.cached() is None


async def test_what_was_learned_of_an_engine_is_described(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    describer = Describer(settings)
    await answer(monkeypatch, DESCRIPTIONS.model_dump_json(by_alias=True))
    await describer.describe()
    assert describer.comparisons() == []
    learned = settings.cache / ENGINES / "0123.json"
    learned.parent.mkdir()
    learned.write_text("{}")
    assert describer.comparisons() == [learned]
    assert describer.cached() is None


@pytest.mark.parametrize(("dataset", "local"), [(None, True), ("user/name:config", False)])
async def test_a_dataset_of_the_hub_has_the_time_of_a_download(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, dataset: str | None, local: bool
) -> None:
    given: list[float] = []

    async def run(module: str, arguments: list[str], timeout_s: float) -> str:
        given.append(timeout_s)
        return DESCRIPTIONS.model_dump_json(by_alias=True)

    monkeypatch.setattr(descriptions, "run_module", run)
    await Describer(Settings(cache=settings.cache, inputs=Inputs(dataset=dataset))).describe()
    assert given == [descriptions.TIMEOUT_S if local else descriptions.DOWNLOAD_TIMEOUT_S]


@pytest.mark.parametrize("changed", ["a package", "the devices"])
async def test_what_is_installed_and_which_devices_are_seen_is_described(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    describer = Describer(settings)
    await answer(monkeypatch, DESCRIPTIONS.model_dump_json(by_alias=True))
    await describer.describe()
    assert describer.cached() == DESCRIPTIONS
    if changed == "a package":
        monkeypatch.setattr(descriptions, "versions", lambda: {"openvino": "not installed"})
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "none of them")
    assert describer.cached() is None


async def test_a_refusal_is_passed_on_as_it_is_and_not_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Descriptions(experiments=[], refusal="There is no directory m. Check the path.")
    await answer(monkeypatch, refused.model_dump_json(by_alias=True))
    with pytest.raises(DescribeError, match=r"^There is no directory m\. Check the path\.$"):
        await Describer(settings).describe()
    assert Describer(settings).cached() is None


async def test_an_answer_that_is_not_valid_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await answer(monkeypatch, "hello")
    with pytest.raises(DescribeError, match="cannot be read"):
        await Describer(settings).describe()


async def test_a_measurement_is_kept_and_not_needed_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.machine_file.unlink()
    done = asyncio.Event()

    async def notify() -> None:
        done.set()

    measuring = Calibration(settings, FakeRay(), notify)
    assert measuring.needed()
    await answer(monkeypatch, 'chatter\n{"rate": 321.0}\n')
    measuring.start()
    await asyncio.wait_for(done.wait(), HANG_S)
    kept = json.loads(settings.machine_file.read_text())
    assert kept == {"rate": 321.0, KEY: measuring.key()}
    assert not measuring.needed()


async def test_an_interrupted_measurement_is_tried_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.machine_file.unlink()

    async def never(*_: object) -> str:
        await asyncio.sleep(60)
        return ""

    async def notify() -> None: ...

    monkeypatch.setattr("demo_server.processes.calibration.run_module", never)
    measuring = Calibration(settings, FakeRay(), notify)
    measuring.start()
    assert not measuring.needed()
    await asyncio.sleep(0)
    measuring.interrupt()
    await asyncio.sleep(0)
    assert measuring.needed()


async def test_a_failed_measurement_is_not_retried(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.machine_file.unlink()

    async def notify() -> None: ...

    await answer(monkeypatch, "no json")
    measuring = Calibration(settings, FakeRay(), notify)
    measuring.start()
    await asyncio.sleep(0.05)
    assert not measuring.needed()
