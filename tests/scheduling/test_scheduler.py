"""What the scheduler decides, with drivers and a Ray that only record what they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from demo_server.processes.ray_head import Ray, RayState
from demo_server.protocol import driver_messages
from demo_server.protocol.driver_messages import Descriptions, Needs
from demo_server.protocol.errors import Refusal
from demo_server.protocol.events import NoteData, RunStatus
from demo_server.protocol.frames import ErrorCode, ServerStatus
from demo_server.runs.archive import Archive
from demo_server.runs.run_registry import RunRegistry
from demo_server.scheduling import active_run, scheduler
from demo_server.scheduling.experiments import Experiments
from demo_server.scheduling.scheduler import Scheduler
from demo_server.scheduling.standby_pool import StandbyPool
from demo_server.system.memory import standbys_for
from tests.support.fakes import DESCRIPTIONS, FakeRay, description


class FakeDriver:
    """A driver that does nothing by itself."""

    def __init__(self) -> None:
        self.ready: driver_messages.Ready | None = None
        self.last_message_at = asyncio.get_running_loop().time()
        self.ended = self.stopped = False
        self.sent: list[driver_messages.Command] = []
        self.killed = False
        self.closed = False

    def send(self, command: driver_messages.Command) -> None:
        self.sent.append(command)

    def kill(self) -> None:
        self.killed = True

    async def close(self) -> None:
        self.closed = True

    async def gone(self) -> None: ...

    def tail(self) -> str:
        return "last words"


class Harness:
    """A scheduler with drivers that do nothing."""

    def __init__(
        self, directory: Path, ray: FakeRay, standbys: int = 1, ahead: bool = True
    ) -> None:
        self.ray, self.code = ray, 1
        self.drivers: list[FakeDriver] = []
        self.runs = RunRegistry(Archive(directory), None, None, 10**9)
        self.standby_pool = StandbyPool(ray, self._spawn, lambda: self.code, standbys)
        self.scheduler = Scheduler(self.runs, self.standby_pool, ahead)
        self.scheduler.catalog = Experiments(DESCRIPTIONS)

    def _spawn(self, ray: Ray) -> FakeDriver:
        self.drivers.append(FakeDriver())
        return self.drivers[-1]

    def ready(self, driver: FakeDriver, cpus: float = 4) -> None:
        driver.ready = driver_messages.Ready(pid=1, versions={}, cpus=cpus, gpus=0, device="cpu")
        self.scheduler.receive(driver, driver.ready)

    def end(self, driver: FakeDriver, **fields: object) -> None:
        message = {"status": "succeeded", **fields}
        self.scheduler.receive(driver, driver_messages.Ended.model_validate(message))

    def status(self, run_id: str) -> RunStatus:
        info = self.runs.info(run_id)
        assert info is not None
        return info.status

    def reason(self, run_id: str) -> str | None:
        run = self.runs.loaded(run_id)
        assert run is not None
        assert run.state.status is not None
        return run.state.status.reason


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    made = Harness(tmp_path, FakeRay())
    made.scheduler.open()
    made.ready(made.drivers[0])
    yield made
    await made.scheduler.close()


async def test_a_run_gets_the_standby_and_sends_it_its_command(harness: Harness) -> None:
    run_id = harness.scheduler.start("r", "embed", {"rows": 7})
    command = harness.drivers[0].sent[0]
    assert isinstance(command, driver_messages.RunCommand)
    assert (command.run_id, command.params["rows"]) == (run_id, 7)
    assert command.directory.endswith(run_id)


async def test_the_priority_is_low_while_a_driver_runs_not_while_it_starts(
    tmp_path: Path,
) -> None:
    harness = Harness(tmp_path, FakeRay())
    computing: list[bool] = []
    harness.scheduler.on_computing = computing.append
    harness.scheduler.open()
    harness.scheduler.start("r", "embed", {})
    assert True not in computing
    harness.ready(harness.drivers[0])
    assert computing[-1]
    harness.end(harness.drivers[0])
    assert not computing[-1]
    await harness.scheduler.close()


async def test_the_next_standby_is_not_started_while_a_run_is_young(
    harness: Harness,
) -> None:
    harness.scheduler.start("r", "embed", {})
    assert len(harness.drivers) == 1
    harness.end(harness.drivers[0])
    assert len(harness.drivers) == 2


async def test_two_standbys_are_made_one_after_the_other(tmp_path: Path) -> None:
    harness = Harness(tmp_path, FakeRay(), standbys=2)
    harness.scheduler.open()
    assert len(harness.drivers) == 1
    harness.ready(harness.drivers[0])
    assert len(harness.drivers) == 2
    harness.ready(harness.drivers[1])
    assert len(harness.drivers) == 2
    await harness.scheduler.close()
    assert all(driver.killed for driver in harness.drivers)


async def test_a_run_right_after_a_cancelled_one_takes_the_second_standby(tmp_path: Path) -> None:
    harness = Harness(tmp_path, FakeRay(), standbys=2)
    harness.scheduler.open()
    for number in (0, 1):
        harness.ready(harness.drivers[number])
    harness.scheduler.cancel(harness.scheduler.start("a", "embed", {}))
    run_id = harness.scheduler.start("b", "embed", {})
    first, second = harness.drivers[:2]
    assert first.killed
    assert [command.type for command in second.sent] == ["run"]
    assert harness.status(run_id) is RunStatus.STARTING
    await harness.scheduler.close()


async def test_a_run_shares_the_cores_with_no_standby_while_another_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STANDBY_DELAY_S", 0)
    harness = Harness(tmp_path, FakeRay(), standbys=2)
    harness.scheduler.open()
    for number in (0, 1):
        harness.ready(harness.drivers[number])
    harness.scheduler.start("a", "embed", {})
    harness.scheduler.reconcile()
    assert len(harness.drivers) == 2
    monkeypatch.setattr(scheduler, "REST_S", 0)
    harness.end(harness.drivers[0])
    assert len(harness.drivers) == 3
    await harness.scheduler.close()


async def test_a_standby_is_prepared_during_a_long_run_unless_it_compares_times(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STANDBY_DELAY_S", 0)
    monkeypatch.setattr(active_run.ActiveRun, "seconds", 1.0)
    ladder = description("ladder", needs=Needs(alone=True))
    both = Descriptions(experiments=[ladder, description("embed")])
    harness.scheduler.catalog = Experiments(both)
    harness.scheduler.start("a", "ladder", {})
    harness.scheduler.reconcile()
    assert len(harness.drivers) == 1
    harness.end(harness.drivers[0])
    harness.ready(harness.drivers[1])
    harness.scheduler.start("b", "embed", {})
    harness.scheduler.reconcile()
    assert len(harness.drivers) == 3
    await harness.scheduler.close()


async def test_a_terminal_prepares_a_driver_for_each_run_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STANDBY_DELAY_S", 0)
    monkeypatch.setattr(active_run.ActiveRun, "seconds", 1.0)
    harness = Harness(tmp_path, FakeRay(), ahead=False)
    harness.scheduler.open()
    assert harness.drivers == []
    for number, request in enumerate("ab"):
        harness.scheduler.start(request, "embed", {})
        harness.ready(harness.drivers[number])
        harness.scheduler.reconcile()
        assert len(harness.drivers) == number + 1
        harness.end(harness.drivers[number])
        assert len(harness.drivers) == number + 1
    await harness.scheduler.close()


def test_a_small_machine_keeps_one_standby() -> None:
    assert (standbys_for(8 * 10**9), standbys_for(16 * 10**9)) == (1, 2)


async def test_changed_code_replaces_the_standby(harness: Harness) -> None:
    harness.code = 2
    harness.scheduler.start("r", "embed", {})
    old, new = harness.drivers
    assert old.killed
    assert not old.sent
    harness.ready(new)
    assert [command.type for command in new.sent] == ["prioritize", "run"]


async def test_a_driver_that_ends_without_holding_is_let_go(harness: Harness) -> None:
    harness.scheduler.start("r", "embed", {})
    harness.end(harness.drivers[0])
    await asyncio.sleep(0)
    assert harness.drivers[0].closed


async def test_the_holder_stays_until_another_result_is_held(harness: Harness) -> None:
    harness.scheduler.start("a", "embed", {})
    first = harness.drivers[0]
    harness.end(first, holds=True)
    second = harness.drivers[1]
    harness.ready(second)
    harness.scheduler.start("b", "embed", {})
    harness.end(second, status="failed", reason="no")
    await asyncio.sleep(0)
    assert not first.closed
    third = harness.drivers[2]
    harness.ready(third)
    harness.scheduler.start("c", "embed", {})
    harness.end(third, holds=True)
    await asyncio.sleep(0)
    assert first.closed
    assert not third.closed


async def two_ready(tmp_path: Path) -> Harness:
    harness = Harness(tmp_path, FakeRay(), standbys=2)
    harness.scheduler.open()
    for number in (0, 1):
        harness.ready(harness.drivers[number])
    return harness


async def test_runs_that_leave_their_drivers_unharmed_need_no_new_ones(tmp_path: Path) -> None:
    harness = await two_ready(tmp_path)
    for number in range(6):
        harness.scheduler.start(f"{number}", "embed", {})
        harness.end(harness.drivers[number % 2], unharmed=True)
    assert len(harness.drivers) == 2
    sent = [command.type for command in harness.drivers[0].sent]
    assert sent == ["run", "release"] * 3
    await harness.scheduler.close()


async def test_a_driver_lets_go_of_an_older_result_and_waits_for_another_run(
    tmp_path: Path,
) -> None:
    harness = await two_ready(tmp_path)
    first, second = harness.drivers
    harness.scheduler.start("a", "embed", {})
    harness.end(first, holds=True, unharmed=True)
    assert [command.type for command in first.sent] == ["run"]
    harness.scheduler.start("b", "embed", {})
    harness.end(second, holds=True, unharmed=True)
    assert [command.type for command in first.sent] == ["run", "release"]
    harness.scheduler.start("c", "embed", {})
    assert [command.type for command in first.sent] == ["run", "release", "run"]
    assert len(harness.drivers) == 2
    await harness.scheduler.close()


async def test_a_driver_that_one_run_has_harmed_is_let_go_when_its_result_is_old(
    tmp_path: Path,
) -> None:
    harness = await two_ready(tmp_path)
    first, second = harness.drivers
    harness.scheduler.start("a", "embed", {})
    harness.end(first, holds=True, unharmed=True)
    harness.scheduler.start("b", "show", {})
    harness.end(first)
    harness.scheduler.start("c", "embed", {})
    harness.end(second, holds=True, unharmed=True)
    await asyncio.sleep(0)
    assert first.closed
    await harness.scheduler.close()


async def test_a_run_gets_a_driver_that_is_ready_before_one_that_starts(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness.standby_pool, "_wanted", 2)
    monkeypatch.setattr(scheduler, "STANDBY_DELAY_S", 0)
    monkeypatch.setattr(active_run.ActiveRun, "seconds", 1.0)
    first = harness.drivers[0]
    harness.scheduler.start("a", "embed", {})
    harness.scheduler.reconcile()
    assert len(harness.drivers) == 2
    harness.end(first, unharmed=True)
    harness.scheduler.start("b", "embed", {})
    assert [command.type for command in first.sent] == ["run", "release", "run"]


async def test_a_driver_that_is_ready_takes_the_place_of_one_that_starts(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STANDBY_DELAY_S", 0)
    monkeypatch.setattr(active_run.ActiveRun, "seconds", 1.0)
    harness.scheduler.start("a", "embed", {})
    harness.scheduler.reconcile()
    first, starting = harness.drivers
    harness.end(first, unharmed=True)
    assert starting.killed
    harness.scheduler.start("b", "embed", {})
    assert [command.type for command in first.sent] == ["run", "release", "run"]


async def test_right_after_a_run_no_second_standby_takes_the_cores_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = await two_ready(tmp_path)
    harness.scheduler.start("a", "embed", {})
    harness.end(harness.drivers[0])
    assert len(harness.drivers) == 2
    monkeypatch.setattr(scheduler, "REST_S", 0)
    harness.scheduler.reconcile()
    assert len(harness.drivers) == 3
    await harness.scheduler.close()


async def test_a_driver_of_older_code_does_no_other_run(harness: Harness) -> None:
    harness.scheduler.start("r", "embed", {})
    harness.code = 2
    harness.end(harness.drivers[0], unharmed=True)
    await asyncio.sleep(0)
    assert harness.drivers[0].closed


async def test_a_driver_that_is_one_too_many_is_let_go(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STANDBY_DELAY_S", 0)
    harness.scheduler.start("r", "embed", {})
    harness.scheduler.reconcile()
    harness.ready(harness.drivers[1])
    harness.end(harness.drivers[0], unharmed=True)
    await asyncio.sleep(0)
    assert harness.drivers[0].closed
    assert not harness.drivers[1].closed


async def test_show_runs_in_the_driver_that_holds(harness: Harness) -> None:
    harness.scheduler.start("a", "embed", {})
    holder = harness.drivers[0]
    harness.end(holder, holds=True)
    harness.scheduler.start("b", "show", {})
    assert len(holder.sent) == 2
    harness.end(holder)
    await asyncio.sleep(0)
    assert not holder.closed


async def test_show_may_wait_behind_the_run_that_will_hold(harness: Harness) -> None:
    harness.scheduler.start("a", "embed", {})
    run_id = harness.scheduler.start("b", "show", {})
    assert harness.status(run_id) is RunStatus.QUEUED
    harness.end(harness.drivers[0], status="failed")
    assert harness.status(run_id) is RunStatus.FAILED
    assert "run embed again" in (harness.reason(run_id) or "")


async def test_cancelling_a_run_on_the_holder_loses_the_result_and_reports_it(
    harness: Harness,
) -> None:
    harness.scheduler.start("a", "embed", {})
    harness.end(harness.drivers[0], holds=True)
    run_id = harness.scheduler.start("b", "show", {})
    harness.scheduler.cancel(run_id)
    assert harness.drivers[0].killed
    assert "held" in (harness.reason(run_id) or "")
    with pytest.raises(Refusal, match="run embed first"):
        harness.scheduler.start("c", "show", {})


async def test_a_queued_run_is_cancelled_without_a_driver(harness: Harness) -> None:
    harness.scheduler.start("a", "embed", {})
    run_id = harness.scheduler.start("b", "embed", {})
    harness.scheduler.cancel(run_id)
    assert harness.status(run_id) is RunStatus.CANCELLED
    assert not harness.drivers[0].killed


async def test_one_run_too_many_is_refused(harness: Harness) -> None:
    for number in range(21):
        harness.scheduler.start(f"r{number}", "embed", {})
    with pytest.raises(Refusal) as refused:
        harness.scheduler.start("more", "embed", {})
    assert refused.value.code is ErrorCode.QUEUE_FULL


async def test_a_silent_driver_is_ended_and_its_run_failed(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_run, "SILENCE_S", 0.0)
    harness.drivers[0].stopped = True
    run_id = harness.scheduler.start("a", "embed", {})
    await asyncio.sleep(1.2)
    assert harness.drivers[0].killed
    assert harness.status(run_id) is RunStatus.FAILED
    assert "sent nothing" in (harness.reason(run_id) or "")


async def test_a_run_whose_driver_never_gets_ready_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_run, "READY_TIMEOUT_S", 0.0)
    harness = Harness(tmp_path, FakeRay())
    harness.scheduler.open()
    run_id = harness.scheduler.start("a", "embed", {})
    await asyncio.sleep(1.2)
    assert harness.drivers[0].killed
    assert harness.status(run_id) is RunStatus.FAILED
    assert "was not ready" in (harness.reason(run_id) or "")
    await harness.scheduler.close()


async def test_what_a_driver_sends_after_a_cancelled_run_is_dropped(
    harness: Harness,
) -> None:
    run_id = harness.scheduler.start("a", "embed", {})
    harness.scheduler.cancel(run_id)
    harness.scheduler.receive(
        harness.drivers[0], driver_messages.emitted(NoteData(text="still here"))
    )
    harness.end(harness.drivers[0])
    harness.scheduler.driver_exited(harness.drivers[0], "killed")
    assert harness.status(run_id) is RunStatus.CANCELLED


async def test_a_lost_ray_fails_the_run_and_is_started_again(harness: Harness) -> None:
    run_id = harness.scheduler.start("a", "embed", {})
    harness.ray.state = RayState.DOWN
    harness.scheduler.ray_lost("Ray's raylet ended unexpectedly.")
    assert harness.status(run_id) is RunStatus.FAILED
    assert "raylet" in (harness.reason(run_id) or "")
    assert harness.standby_pool.status[0] is ServerStatus.DEGRADED
    await asyncio.sleep(0.01)
    assert harness.ray.starts == 1


async def test_a_driver_imports_while_ray_starts_and_connects_when_it_is_up(
    harness: Harness,
) -> None:
    harness.ray.state = RayState.DOWN
    harness.ray.may_start.clear()
    harness.scheduler.ray_lost("Ray's raylet ended unexpectedly.")
    run_id = harness.scheduler.start("a", "embed", {})
    await asyncio.sleep(0.01)
    waiting = harness.drivers[-1]
    assert waiting is not harness.drivers[0]
    assert not waiting.sent
    harness.ray.may_start.set()
    await asyncio.sleep(0.01)
    harness.ready(waiting)
    assert [command.type for command in waiting.sent] == ["connect", "prioritize", "run"]
    assert harness.status(run_id) is RunStatus.STARTING


async def test_a_driver_that_a_run_takes_in_the_moment_ray_is_up_connects_as_well(
    harness: Harness,
) -> None:
    harness.ray.may_start.clear()
    harness.ray.state = RayState.DOWN
    harness.scheduler.ray_lost("Ray is gone.")
    run_id = harness.scheduler.start("r", "embed", {})
    await asyncio.sleep(0.01)
    driver = harness.drivers[-1]
    harness.ray.state = RayState.UP  # its start has not returned yet
    harness.scheduler.reconcile()
    assert harness.status(run_id) is RunStatus.STARTING, "a run has taken the driver"
    harness.ray.may_start.set()
    await asyncio.sleep(0.01)
    assert driver_messages.ConnectCommand() in driver.sent


async def test_a_driver_that_waits_goes_with_the_ray_that_could_not_start(
    harness: Harness,
) -> None:
    harness.ray.state = RayState.DOWN
    harness.ray.trouble = "Ray did not start: no space."
    harness.scheduler.ray_lost("Ray's raylet ended unexpectedly.")
    await asyncio.sleep(0.01)
    assert harness.drivers[-1].killed
    assert not harness.standby_pool.has_any


async def test_a_ray_that_is_still_ending_is_not_started(harness: Harness) -> None:
    harness.ray.state = RayState.STOPPING
    harness.scheduler.ray_lost("Ray's raylet ended unexpectedly.")
    await asyncio.sleep(0)
    assert harness.ray.starts == 0


async def test_a_ray_that_cannot_start_reports_why_and_the_run_waits(tmp_path: Path) -> None:
    ray = FakeRay(state=RayState.DOWN)
    ray.trouble = "Ray did not start: no space."
    harness = Harness(tmp_path, ray)
    harness.scheduler.open()
    run_id = harness.scheduler.start("a", "embed", {})
    await asyncio.sleep(0.01)
    assert harness.standby_pool.status == (ServerStatus.DEGRADED, ray.trouble)
    assert harness.status(run_id) is RunStatus.QUEUED
    assert harness.reason(run_id) == ray.trouble
    await harness.scheduler.close()


async def test_a_standby_that_dies_is_not_started_in_a_tight_loop(
    harness: Harness,
) -> None:
    for _ in range(5):
        harness.scheduler.driver_exited(
            harness.drivers[-1], "The driver process ended with exit code 1."
        )
    assert len(harness.drivers) == 1
    status, reason = harness.standby_pool.status
    assert status is ServerStatus.DEGRADED
    assert "last words" in (reason or "")


async def test_a_start_tries_at_once_what_had_failed(harness: Harness) -> None:
    harness.scheduler.driver_exited(harness.drivers[0], "It ended.")
    harness.scheduler.start("a", "embed", {})
    assert len(harness.drivers) == 2


async def test_a_driver_that_cannot_begin_fails_its_run_with_its_own_words(
    harness: Harness,
) -> None:
    harness.code = 2
    run_id = harness.scheduler.start("a", "embed", {})
    harness.end(harness.drivers[1], status="failed", reason="There is no column 'txt'.")
    assert harness.reason(run_id) == "There is no column 'txt'."


async def test_a_cluster_too_small_is_found_out_when_it_answers(tmp_path: Path) -> None:
    harness = Harness(tmp_path, FakeRay(cpus=None))
    harness.scheduler.open()
    run_id = harness.scheduler.start("a", "embed", {"concurrency": 2})
    harness.ready(harness.drivers[0], cpus=2)
    assert harness.status(run_id) is RunStatus.FAILED
    assert "= 3 CPUs, but there are 2" in (harness.reason(run_id) or "")
    await harness.scheduler.close()


async def test_a_run_whose_experiment_went_away_fails_when_its_turn_comes(
    harness: Harness,
) -> None:
    harness.scheduler.start("a", "embed", {})
    run_id = harness.scheduler.start("b", "embed", {})
    harness.scheduler.catalog = Experiments(Descriptions(experiments=[description("other")]))
    harness.end(harness.drivers[0])
    assert harness.status(run_id) is RunStatus.FAILED


async def test_closing_cancels_what_runs_and_waits_and_ends_ray(harness: Harness) -> None:
    first = harness.scheduler.start("a", "embed", {})
    second = harness.scheduler.start("b", "embed", {})
    await harness.scheduler.close()
    assert harness.drivers[0].killed
    assert harness.ray.stops == 1
    assert {harness.status(first), harness.status(second)} == {RunStatus.CANCELLED}


async def test_shutdown_on_a_cluster_that_is_not_ours_only_disconnects(tmp_path: Path) -> None:
    ray = FakeRay()
    ray.ours = False
    harness = Harness(tmp_path, ray)
    harness.scheduler.open()
    harness.ready(harness.drivers[0])
    run_id = harness.scheduler.start("a", "shutdown", {})
    harness.end(harness.drivers[0], end_ray=True)
    await asyncio.sleep(0.05)
    run = harness.runs.loaded(run_id)
    assert run is not None
    assert run.status is RunStatus.SUCCEEDED
    assert "not ours" in run.state.stages[""].notes[0].text
    assert harness.standby_pool.status[0] is ServerStatus.READY
    await harness.scheduler.close()


async def test_after_a_shutdown_nothing_is_started_until_somebody_asks(
    harness: Harness,
) -> None:
    harness.scheduler.start("a", "shutdown", {})
    harness.end(harness.drivers[0], end_ray=True)
    await asyncio.sleep(1.2)
    assert len(harness.drivers) == 1
    assert harness.ray.starts == 0
    harness.scheduler.start("b", "embed", {})
    await asyncio.sleep(0.01)
    assert harness.ray.starts == 1


async def test_a_run_that_waits_behind_a_shutdown_brings_ray_back(
    harness: Harness,
) -> None:
    harness.scheduler.start("a", "shutdown", {})
    run_id = harness.scheduler.start("b", "embed", {})
    harness.end(harness.drivers[0], end_ray=True)
    await asyncio.sleep(0.05)
    assert harness.ray.starts == 1
    harness.ready(harness.drivers[-1])
    assert harness.status(run_id) is RunStatus.STARTING
