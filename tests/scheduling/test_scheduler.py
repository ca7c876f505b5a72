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
from demo_server.runs.registry import RunRegistry
from demo_server.scheduling import active_run, scheduler
from demo_server.scheduling.experiments import Experiments
from demo_server.scheduling.scheduler import Scheduler
from demo_server.scheduling.standby_pool import StandbyPool
from demo_server.system.memory import standbys_for
from tests.support.fakes import DESCRIPTIONS, FakeRay, description


class Puppet:
    """A driver that does nothing by itself."""

    def __init__(self) -> None:
        self.ready: driver_messages.Ready | None = None
        self.last_heard = asyncio.get_running_loop().time()
        self.ended = False
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


class Theatre:
    """A scheduler with drivers that do nothing."""

    def __init__(
        self, directory: Path, ray: FakeRay, standbys: int = 1, ahead: bool = True
    ) -> None:
        self.ray, self.code = ray, 1
        self.puppets: list[Puppet] = []
        self.runs = RunRegistry(Archive(directory), None, None, 10**9)
        self.standby_pool = StandbyPool(ray, self._spawn, lambda: self.code, standbys)
        self.scheduler = Scheduler(self.runs, self.standby_pool, ahead)
        self.scheduler.catalog = Experiments(DESCRIPTIONS)

    def _spawn(self, ray: Ray) -> Puppet:
        self.puppets.append(Puppet())
        return self.puppets[-1]

    def ready(self, puppet: Puppet, cpus: float = 4) -> None:
        puppet.ready = driver_messages.Ready(pid=1, versions={}, cpus=cpus, gpus=0, device="cpu")
        self.scheduler.receive(puppet, puppet.ready)

    def end(self, puppet: Puppet, **fields: object) -> None:
        message = {"status": "succeeded", **fields}
        self.scheduler.receive(puppet, driver_messages.Ended.model_validate(message))

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
async def theatre(tmp_path: Path) -> AsyncIterator[Theatre]:
    made = Theatre(tmp_path, FakeRay())
    made.scheduler.open()
    made.ready(made.puppets[0])
    yield made
    await made.scheduler.close()


async def test_a_run_takes_the_standby_and_tells_it_what_to_do(theatre: Theatre) -> None:
    run_id = theatre.scheduler.start("r", "embed", {"rows": 7})
    command = theatre.puppets[0].sent[0]
    assert isinstance(command, driver_messages.RunCommand)
    assert (command.run_id, command.params["rows"]) == (run_id, 7)
    assert command.directory.endswith(run_id)


async def test_others_go_first_while_a_driver_runs_and_not_while_it_starts(tmp_path: Path) -> None:
    theatre = Theatre(tmp_path, FakeRay())
    computing: list[bool] = []
    theatre.scheduler.on_computing = computing.append
    theatre.scheduler.open()
    theatre.scheduler.start("r", "embed", {})
    assert True not in computing
    theatre.ready(theatre.puppets[0])
    assert computing[-1]
    theatre.end(theatre.puppets[0])
    assert not computing[-1]
    await theatre.scheduler.close()


async def test_the_next_standby_is_not_started_while_a_run_is_young(theatre: Theatre) -> None:
    theatre.scheduler.start("r", "embed", {})
    assert len(theatre.puppets) == 1
    theatre.end(theatre.puppets[0])
    assert len(theatre.puppets) == 2


async def test_two_standbys_are_made_one_after_the_other(tmp_path: Path) -> None:
    theatre = Theatre(tmp_path, FakeRay(), standbys=2)
    theatre.scheduler.open()
    assert len(theatre.puppets) == 1
    theatre.ready(theatre.puppets[0])
    assert len(theatre.puppets) == 2
    theatre.ready(theatre.puppets[1])
    assert len(theatre.puppets) == 2
    await theatre.scheduler.close()
    assert all(puppet.killed for puppet in theatre.puppets)


async def test_a_run_right_after_a_cancelled_one_takes_the_second_standby(tmp_path: Path) -> None:
    theatre = Theatre(tmp_path, FakeRay(), standbys=2)
    theatre.scheduler.open()
    for number in (0, 1):
        theatre.ready(theatre.puppets[number])
    theatre.scheduler.cancel(theatre.scheduler.start("a", "embed", {}))
    run_id = theatre.scheduler.start("b", "embed", {})
    first, second = theatre.puppets[:2]
    assert first.killed
    assert [command.type for command in second.sent] == ["run"]
    assert theatre.status(run_id) is RunStatus.STARTING
    await theatre.scheduler.close()


async def test_a_run_shares_the_cores_with_no_standby_while_another_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STANDBY_DELAY_S", 0)
    theatre = Theatre(tmp_path, FakeRay(), standbys=2)
    theatre.scheduler.open()
    for number in (0, 1):
        theatre.ready(theatre.puppets[number])
    theatre.scheduler.start("a", "embed", {})
    theatre.scheduler.reconcile()
    assert len(theatre.puppets) == 2
    theatre.end(theatre.puppets[0])
    assert len(theatre.puppets) == 3
    await theatre.scheduler.close()


async def test_a_standby_is_prepared_beside_a_long_run_unless_it_compares_times(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STANDBY_DELAY_S", 0)
    monkeypatch.setattr(active_run.ActiveRun, "seconds", 1.0)
    ladder = description("ladder", needs=Needs(alone=True))
    both = Descriptions(experiments=[ladder, description("embed")])
    theatre.scheduler.catalog = Experiments(both)
    theatre.scheduler.start("a", "ladder", {})
    theatre.scheduler.reconcile()
    assert len(theatre.puppets) == 1
    theatre.end(theatre.puppets[0])
    theatre.ready(theatre.puppets[1])
    theatre.scheduler.start("b", "embed", {})
    theatre.scheduler.reconcile()
    assert len(theatre.puppets) == 3
    await theatre.scheduler.close()


async def test_a_terminal_prepares_a_driver_for_each_run_and_none_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STANDBY_DELAY_S", 0)
    monkeypatch.setattr(active_run.ActiveRun, "seconds", 1.0)
    theatre = Theatre(tmp_path, FakeRay(), ahead=False)
    theatre.scheduler.open()
    assert theatre.puppets == []
    for number, request in enumerate("ab"):
        theatre.scheduler.start(request, "embed", {})
        theatre.ready(theatre.puppets[number])
        theatre.scheduler.reconcile()
        assert len(theatre.puppets) == number + 1
        theatre.end(theatre.puppets[number])
        assert len(theatre.puppets) == number + 1
    await theatre.scheduler.close()


def test_a_small_machine_keeps_one_standby() -> None:
    assert (standbys_for(8 * 10**9), standbys_for(16 * 10**9)) == (1, 2)


async def test_changed_code_replaces_the_standby(theatre: Theatre) -> None:
    theatre.code = 2
    theatre.scheduler.start("r", "embed", {})
    old, new = theatre.puppets
    assert old.killed
    assert not old.sent
    theatre.ready(new)
    assert [command.type for command in new.sent] == ["prioritize", "run"]


async def test_a_driver_that_ends_without_holding_is_let_go(theatre: Theatre) -> None:
    theatre.scheduler.start("r", "embed", {})
    theatre.end(theatre.puppets[0])
    await asyncio.sleep(0)
    assert theatre.puppets[0].closed


async def test_the_holder_stays_until_another_result_is_held(theatre: Theatre) -> None:
    theatre.scheduler.start("a", "embed", {})
    first = theatre.puppets[0]
    theatre.end(first, holds=True)
    second = theatre.puppets[1]
    theatre.ready(second)
    theatre.scheduler.start("b", "embed", {})
    theatre.end(second, status="failed", reason="no")
    await asyncio.sleep(0)
    assert not first.closed
    third = theatre.puppets[2]
    theatre.ready(third)
    theatre.scheduler.start("c", "embed", {})
    theatre.end(third, holds=True)
    await asyncio.sleep(0)
    assert first.closed
    assert not third.closed


async def test_show_runs_in_the_driver_that_holds(theatre: Theatre) -> None:
    theatre.scheduler.start("a", "embed", {})
    holder = theatre.puppets[0]
    theatre.end(holder, holds=True)
    theatre.scheduler.start("b", "show", {})
    assert len(holder.sent) == 2
    theatre.end(holder)
    await asyncio.sleep(0)
    assert not holder.closed


async def test_show_may_wait_behind_the_run_that_will_hold(theatre: Theatre) -> None:
    theatre.scheduler.start("a", "embed", {})
    run_id = theatre.scheduler.start("b", "show", {})
    assert theatre.status(run_id) is RunStatus.QUEUED
    theatre.end(theatre.puppets[0], status="failed")
    assert theatre.status(run_id) is RunStatus.FAILED
    assert "run embed again" in (theatre.reason(run_id) or "")


async def test_cancelling_what_asks_the_holder_loses_the_result_and_says_so(
    theatre: Theatre,
) -> None:
    theatre.scheduler.start("a", "embed", {})
    theatre.end(theatre.puppets[0], holds=True)
    run_id = theatre.scheduler.start("b", "show", {})
    theatre.scheduler.cancel(run_id)
    assert theatre.puppets[0].killed
    assert "held" in (theatre.reason(run_id) or "")
    with pytest.raises(Refusal, match="run embed first"):
        theatre.scheduler.start("c", "show", {})


async def test_a_queued_run_is_cancelled_without_a_driver(theatre: Theatre) -> None:
    theatre.scheduler.start("a", "embed", {})
    run_id = theatre.scheduler.start("b", "embed", {})
    theatre.scheduler.cancel(run_id)
    assert theatre.status(run_id) is RunStatus.CANCELLED
    assert not theatre.puppets[0].killed


async def test_one_run_too_many_is_refused(theatre: Theatre) -> None:
    for number in range(21):
        theatre.scheduler.start(f"r{number}", "embed", {})
    with pytest.raises(Refusal) as refused:
        theatre.scheduler.start("more", "embed", {})
    assert refused.value.code is ErrorCode.QUEUE_FULL


async def test_a_silent_driver_is_ended_and_its_run_failed(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_run, "SILENCE_S", 0.0)
    run_id = theatre.scheduler.start("a", "embed", {})
    await asyncio.sleep(1.2)
    assert theatre.puppets[0].killed
    assert theatre.status(run_id) is RunStatus.FAILED
    assert "sent nothing" in (theatre.reason(run_id) or "")


async def test_what_a_driver_says_after_its_run_was_cancelled_is_dropped(theatre: Theatre) -> None:
    run_id = theatre.scheduler.start("a", "embed", {})
    theatre.scheduler.cancel(run_id)
    theatre.scheduler.receive(
        theatre.puppets[0], driver_messages.emitted(NoteData(text="still here"))
    )
    theatre.end(theatre.puppets[0])
    theatre.scheduler.driver_exited(theatre.puppets[0], "killed")
    assert theatre.status(run_id) is RunStatus.CANCELLED


async def test_a_lost_ray_fails_the_run_and_is_started_again(theatre: Theatre) -> None:
    run_id = theatre.scheduler.start("a", "embed", {})
    theatre.ray.state = RayState.DOWN
    theatre.scheduler.ray_lost("Ray's raylet ended unexpectedly.")
    assert theatre.status(run_id) is RunStatus.FAILED
    assert "raylet" in (theatre.reason(run_id) or "")
    assert theatre.standby_pool.status[0] is ServerStatus.DEGRADED
    await asyncio.sleep(0.01)
    assert theatre.ray.starts == 1


async def test_a_driver_imports_while_ray_starts_and_connects_when_it_is_up(
    theatre: Theatre,
) -> None:
    theatre.ray.state = RayState.DOWN
    theatre.ray.may_start.clear()
    theatre.scheduler.ray_lost("Ray's raylet ended unexpectedly.")
    run_id = theatre.scheduler.start("a", "embed", {})
    await asyncio.sleep(0.01)
    waiting = theatre.puppets[-1]
    assert waiting is not theatre.puppets[0]
    assert not waiting.sent
    theatre.ray.may_start.set()
    await asyncio.sleep(0.01)
    theatre.ready(waiting)
    assert [command.type for command in waiting.sent] == ["connect", "prioritize", "run"]
    assert theatre.status(run_id) is RunStatus.STARTING


async def test_a_driver_that_waits_goes_with_the_ray_that_could_not_start(
    theatre: Theatre,
) -> None:
    theatre.ray.state = RayState.DOWN
    theatre.ray.trouble = "Ray did not start: no space."
    theatre.scheduler.ray_lost("Ray's raylet ended unexpectedly.")
    await asyncio.sleep(0.01)
    assert theatre.puppets[-1].killed
    assert not theatre.standby_pool.has_any


async def test_a_ray_that_is_still_ending_is_not_started(theatre: Theatre) -> None:
    theatre.ray.state = RayState.STOPPING
    theatre.scheduler.ray_lost("Ray's raylet ended unexpectedly.")
    await asyncio.sleep(0)
    assert theatre.ray.starts == 0


async def test_a_ray_that_cannot_start_says_why_and_the_run_waits(tmp_path: Path) -> None:
    ray = FakeRay(state=RayState.DOWN)
    ray.trouble = "Ray did not start: no space."
    theatre = Theatre(tmp_path, ray)
    theatre.scheduler.open()
    run_id = theatre.scheduler.start("a", "embed", {})
    await asyncio.sleep(0.01)
    assert theatre.standby_pool.status == (ServerStatus.DEGRADED, ray.trouble)
    assert theatre.status(run_id) is RunStatus.QUEUED
    assert theatre.reason(run_id) == ray.trouble
    await theatre.scheduler.close()


async def test_a_standby_that_dies_is_not_started_in_a_tight_loop(theatre: Theatre) -> None:
    for _ in range(5):
        theatre.scheduler.driver_exited(
            theatre.puppets[-1], "The driver process ended with exit code 1."
        )
    assert len(theatre.puppets) == 1
    status, reason = theatre.standby_pool.status
    assert status is ServerStatus.DEGRADED
    assert "last words" in (reason or "")


async def test_a_start_tries_at_once_what_had_failed(theatre: Theatre) -> None:
    theatre.scheduler.driver_exited(theatre.puppets[0], "It ended.")
    theatre.scheduler.start("a", "embed", {})
    assert len(theatre.puppets) == 2


async def test_a_driver_that_cannot_begin_fails_its_run_with_its_own_words(
    theatre: Theatre,
) -> None:
    theatre.code = 2
    run_id = theatre.scheduler.start("a", "embed", {})
    theatre.end(theatre.puppets[1], status="failed", reason="There is no column 'txt'.")
    assert theatre.reason(run_id) == "There is no column 'txt'."


async def test_a_cluster_too_small_is_found_out_when_it_answers(tmp_path: Path) -> None:
    theatre = Theatre(tmp_path, FakeRay(cpus=None))
    theatre.scheduler.open()
    run_id = theatre.scheduler.start("a", "embed", {"concurrency": 2})
    theatre.ready(theatre.puppets[0], cpus=2)
    assert theatre.status(run_id) is RunStatus.FAILED
    assert "= 3 CPUs, but there are 2" in (theatre.reason(run_id) or "")
    await theatre.scheduler.close()


async def test_a_run_whose_experiment_went_away_fails_when_its_turn_comes(
    theatre: Theatre,
) -> None:
    theatre.scheduler.start("a", "embed", {})
    run_id = theatre.scheduler.start("b", "embed", {})
    theatre.scheduler.catalog = Experiments(Descriptions(experiments=[description("other")]))
    theatre.end(theatre.puppets[0])
    assert theatre.status(run_id) is RunStatus.FAILED


async def test_closing_cancels_what_runs_and_waits_and_ends_ray(theatre: Theatre) -> None:
    first = theatre.scheduler.start("a", "embed", {})
    second = theatre.scheduler.start("b", "embed", {})
    await theatre.scheduler.close()
    assert theatre.puppets[0].killed
    assert theatre.ray.stops == 1
    assert {theatre.status(first), theatre.status(second)} == {RunStatus.CANCELLED}


async def test_shutdown_on_a_cluster_that_is_not_ours_only_disconnects(tmp_path: Path) -> None:
    ray = FakeRay()
    ray.ours = False
    theatre = Theatre(tmp_path, ray)
    theatre.scheduler.open()
    theatre.ready(theatre.puppets[0])
    run_id = theatre.scheduler.start("a", "shutdown", {})
    theatre.end(theatre.puppets[0], end_ray=True)
    await asyncio.sleep(0.05)
    run = theatre.runs.loaded(run_id)
    assert run is not None
    assert run.status is RunStatus.SUCCEEDED
    assert "not ours" in run.state.stages[""].notes[0].text
    assert theatre.standby_pool.status[0] is ServerStatus.READY
    await theatre.scheduler.close()


async def test_after_a_shutdown_nothing_is_started_until_somebody_asks(theatre: Theatre) -> None:
    theatre.scheduler.start("a", "shutdown", {})
    theatre.end(theatre.puppets[0], end_ray=True)
    await asyncio.sleep(1.2)
    assert len(theatre.puppets) == 1
    assert theatre.ray.starts == 0
    theatre.scheduler.start("b", "embed", {})
    await asyncio.sleep(0.01)
    assert theatre.ray.starts == 1


async def test_a_run_that_waits_behind_a_shutdown_brings_ray_back(theatre: Theatre) -> None:
    theatre.scheduler.start("a", "shutdown", {})
    run_id = theatre.scheduler.start("b", "embed", {})
    theatre.end(theatre.puppets[0], end_ray=True)
    await asyncio.sleep(0.05)
    assert theatre.ray.starts == 1
    theatre.ready(theatre.puppets[-1])
    assert theatre.status(run_id) is RunStatus.STARTING
