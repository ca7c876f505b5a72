"""What the hall sees when something below the slide dies; `npm run faults` does it for real."""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from demo_server.driver.observe import watchdog
from demo_server.driver.observe.nodes import Node, answers
from demo_server.driver.observe.stall import BUSY_STALL_S, Stall, StalledError
from demo_server.driver.observe.watchdog import Deaths
from demo_server.processes import state_file
from demo_server.processes.driver import DriverProcess
from demo_server.processes.state_file import StateFile
from demo_server.protocol.errors import BrokenLogError
from demo_server.protocol.events import OperatorProgress, RunStatus
from demo_server.ray_internals.worker_environment import JOB, MODULES, NO_JOB
from demo_server.ray_internals.workers import Activity, Effort, Worker, effort
from demo_server.runs.archive import Archive
from demo_server.runs.run_registry import RunRegistry
from demo_server.scheduling import active_run
from demo_server.scheduling.active_run import SILENCE_S, ActiveRun
from demo_server.system.settings import Settings
from demo_server.toolkit.failure import explain
from tests.support.bounds import HANG_S
from tests.support.client import TOKEN, Serve
from tests.support.fakes import FAKE_DRIVER, FakeRay

KILLED = "it was killed, or it crashed"


def worker(number: int, died_of: str | None = None) -> Worker:
    return Worker(id=str(number), pid=number, died_of=died_of)


def test_only_workers_that_use_their_cpu_are_busy() -> None:
    activity = Activity(0.0)
    activity.see(1.0, Effort({1: 0.9, 2: 0.01}, waits_for_disk=False))
    assert activity.busy_at == 1.0
    activity.see(2.0, Effort({1: 0.92, 2: 0.02}, waits_for_disk=False))
    assert activity.busy_at == 1.0
    activity.see(3.0, Effort({1: 0.92, 2: 0.02, 3: 0.5}, waits_for_disk=False))  # just started
    assert activity.busy_at == 3.0
    activity.see(4.0, Effort({1: 0.92, 2: 0.02, 3: 0.5}, waits_for_disk=True))
    assert activity.busy_at == 4.0


def test_the_effort_excludes_agents_other_jobs_and_unused_workers() -> None:
    spin = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"
    names = [("ray::MapWorker", "01"), ("ray::IDLE", "02"), ("ray::DashboardAgent", None)]
    parents = []
    for name, job in [*names, ("ray::IDLE", NO_JOB), ("ray::MapWorker", NO_JOB)]:
        command = ["bash", "-c", f'exec -a "{name}" "$0" -c "$1"', sys.executable, spin]
        pipe = subprocess.PIPE
        asked = {JOB: job} if job else {}
        env = {**os.environ, **asked} | ({MODULES: "torch"} if job == NO_JOB else {})
        parents.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, env=env))
    try:
        for parent in parents:
            assert parent.stdout
            parent.stdout.readline()
        worker, other, agent, standing, taken = (parent.pid for parent in parents)
        used = effort(psutil.Process(), "01", standing=False).cpu_seconds
        awaited = effort(psutil.Process(), "01", standing=True).cpu_seconds
        all_used = effort(psutil.Process()).cpu_seconds
    finally:
        for parent in parents:
            parent.communicate()
    assert used[worker] >= 0.1
    assert {worker, other} <= all_used.keys()
    assert agent not in all_used
    assert used.keys().isdisjoint({other, agent, standing})
    assert taken in used
    assert {worker, standing} <= awaited.keys()


def test_deaths_count_until_a_row_comes_out() -> None:
    deaths = Deaths()
    assert [w.pid for w in deaths.see([worker(1, KILLED), worker(2)], rows=0)] == [1]
    assert deaths.see([worker(1, KILLED), worker(2)], rows=0) == []
    assert deaths.in_a_row == 1
    deaths.see([worker(2, KILLED)], rows=0)
    assert deaths.in_a_row == 2
    deaths.see([worker(3)], rows=64)
    assert deaths.in_a_row == 0


def test_workers_that_die_together_count_as_one_death() -> None:
    deaths = Deaths()
    deaths.see([worker(n, KILLED) for n in range(8)], rows=0)
    assert deaths.in_a_row == 1


class Run:
    """What a guard sees of a run, decided by the test; it is its own context and observation."""

    executing, rows, prestarted = True, 0, False

    def __init__(self, monkeypatch: pytest.MonkeyPatch, own_head: bool = True) -> None:
        self.own_head = own_head
        self.workers = [worker(1)]
        self.free = {"CPU": 1.0, "object_store_memory": 100.0}
        self.notes: list[str] = []
        self.quiet = False
        self.nodes: list[Node] = []
        self.idle: Callable[[], float] = itertools.count().__next__
        whole = {"CPU": 2.0, "object_store_memory": 100.0}
        for name, answer in {
            "workers": lambda: self.workers,
            "raylet_here": object,
            "effort": lambda *_, **__: Effort({1: 0.0}, waits_for_disk=False),
            "awaits_a_worker": lambda: False,
            "available_resources": lambda: self.free,
            "cluster_resources": lambda: whole,
            "other_nodes": lambda: self.nodes,
            "idle_seconds": lambda: self.idle(),
            "quiet_s": lambda: 0.0 if self.quiet else 1000.0,
        }.items():
            monkeypatch.setattr(watchdog, name, answer)
        self.guard = watchdog.Watchdog(self, self)  # type: ignore[arg-type]

    def note(self, text: str, level: str) -> None:
        assert level == "warning"
        self.notes.append(text)

    def overdue(self, limit: float | None = None) -> str | None:
        short = limit is not None and limit < BUSY_STALL_S
        return "The pipeline made no progress." if short else None


def test_a_run_is_ended_when_its_workers_wait_and_not_while_they_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run(monkeypatch)
    assert run.guard.check() is None
    run.quiet = True
    error = run.guard.check()
    assert isinstance(error, watchdog.HangingError)
    said = explain(error)
    assert "1 of 2 CPUs are free. It waits for something else than a CPU" in said.message
    assert "DEMO_STALL_S" in (said.remedy or "")
    run.free["CPU"] = 0.0
    error = run.guard.check()
    assert isinstance(error, StalledError)
    assert "num_cpus" in (error.remedy or "")


def test_a_run_on_another_cluster_gets_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, own_head=False)
    run.quiet = True
    assert run.guard.check() is None


def test_a_node_that_stops_answering_is_noted_once_and_an_unreachable_one_never(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run(monkeypatch, own_head=False)
    with socket.create_server(("127.0.0.1", 0)) as raylet:
        there, gone = (Node(name, "127.0.0.1", raylet.getsockname()[1]) for name in "ab")
        never = Node("c", "127.0.0.1", 1)
        assert answers(there)
        assert not answers(never)
        run.nodes = [there, never]
        run.guard.check()
        assert run.notes == []
    run.nodes = [there, gone, never]
    run.guard.check()
    run.guard.check()
    assert [note.split(".")[0] for note in run.notes] == ["The node 127"]
    assert "doesn't answer any more" in run.notes[0]


class Clock:
    """Time and CPU time that pass only as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, run: Run, actors: int = 1) -> None:
        self.now, self.used, self.idle, self.run = 0.0, 0.0, 0.0, run
        stall, counts = Stall(0.0), {"rows": 64, "blocks": 1, "queued_blocks": 3}
        embedding = OperatorProgress(name="Embed", actors=actors, active_tasks=1, **counts)
        stall.see(0.0, [embedding], [1])
        run.overdue = lambda limit=None: stall.overdue(self.now, limit)  # type: ignore[method-assign]
        run.idle = lambda: self.idle
        monkeypatch.setattr(watchdog.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(watchdog, "effort", lambda *_, **__: Effort({1: self.used}, False))
        monkeypatch.setattr(watchdog, "quiet_s", lambda: watchdog.QUIET_S)
        run.guard._activity, run.guard._checked_at, run.guard._idle = Activity(0.0), 0.0, 0.0

    def passes(self, seconds: float, cores: float, idle: float = 1.0) -> Exception | None:
        """Let a worker use `cores` for `seconds`, of which `idle` others of the machine are idle.

        Return why the run was given up meanwhile.
        """
        for _ in range(round(seconds / watchdog.INTERVAL_S)):
            self.now += watchdog.INTERVAL_S
            self.used += watchdog.INTERVAL_S * cores
            self.idle += watchdog.INTERVAL_S * idle
            if reason := self.run.guard.check():
                return reason
        return None


def test_a_batch_of_two_minutes_is_waited_for_and_a_worker_that_then_hangs_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch, Run(monkeypatch))
    assert clock.passes(120, cores=0.9) is None
    assert isinstance(clock.passes(60, cores=0.01), watchdog.HangingError)
    assert clock.now - 120 <= 10, "which leaves 5 of the 15 s for what is slow around it"


def test_a_worker_that_gets_no_cpu_on_a_busy_machine_is_not_taken_for_one_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch, Run(monkeypatch))
    assert clock.passes(40, cores=0.01, idle=0.02) is None
    assert isinstance(clock.passes(10, cores=0.01, idle=0.5), watchdog.HangingError)


def test_tasks_that_get_no_cpu_on_a_busy_machine_have_the_time_of_a_long_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch, Run(monkeypatch), actors=0)
    assert clock.passes(290, cores=0.01, idle=0.02) is None
    assert clock.passes(20, cores=0.01, idle=0.02) is not None


def test_each_death_is_noted_and_the_third_without_a_row_ends_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run(monkeypatch)
    for number in (1, 2):
        run.workers = [*run.workers[:-1], worker(number, KILLED), worker(number + 1)]
        assert run.guard.check() is None
    run.workers = [*run.workers[:-1], worker(3, KILLED)]
    error = run.guard.check()
    assert isinstance(error, watchdog.WorkersDiedError)
    assert "died 3 times" in str(error)
    assert "batch_size" in (error.remedy or "")
    assert [note.split(":")[0] for note in run.notes] == [
        f"Worker process {number} died" for number in (1, 2, 3)
    ]


def test_a_full_object_store_is_noted_once_and_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run(monkeypatch)
    run.free["object_store_memory"] = 5.0
    monkeypatch.setattr(watchdog, "quiet_s", lambda: 0.001)
    assert [run.guard.check(), run.guard.check()] == [None, None]
    assert run.notes == ["The object store is full: rows wait until Ray has moved others to disk."]


class Stopped:
    """A driver that got SIGSTOP: it was ready once, and says nothing."""

    ready: Any = object()
    last_message_at = 0.0
    stopped = True


async def test_a_pause_of_the_server_itself_is_not_silence_of_the_driver(tmp_path: Path) -> None:
    runs = RunRegistry(Archive(tmp_path), None, None, 10**9)
    driver = Stopped()
    accepted = runs.accept("r", "embed", {}, "c0de")
    run = ActiveRun(runs, accepted, driver, None, alone=False)  # type: ignore[arg-type]
    run._cpus = run._cpus._replace(at=run._cpus.at - 100)
    assert not run.is_silent()
    driver.last_message_at -= SILENCE_S + 1
    assert run.is_silent()


async def test_a_driver_that_gets_no_cpu_is_not_taken_for_a_silent_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_run, "idle_seconds", lambda: 0.0)  # every CPU is busy
    runs = RunRegistry(Archive(tmp_path), None, None, 10**9)
    driver = Stopped()
    accepted = runs.accept("r", "embed", {}, "c0de")
    run = ActiveRun(runs, accepted, driver, None, alone=False)  # type: ignore[arg-type]
    silent_since = driver.last_message_at = run.since - SILENCE_S + 0.5
    driver.stopped = False
    run._cpus = run._cpus._replace(at=run._cpus.at - 1.0)
    assert not run.is_silent()
    assert driver.last_message_at >= silent_since + 1.0, "the second in which it got none"
    driver.stopped = True
    driver.last_message_at -= SILENCE_S
    assert run.is_silent()


async def test_a_stopped_driver_is_ended_by_the_server_after_the_one_that_was_killed(
    tmp_path: Path,
) -> None:
    state, ready = StateFile(tmp_path / state_file.SERVER), asyncio.Event()
    driver = DriverProcess(lambda _, message: ready.set(), lambda *_: None, state)
    driver.start([sys.executable, str(FAKE_DRIVER)], dict(os.environ), tmp_path / "driver.out")
    await ready.wait()
    assert driver.pid
    assert not driver.stopped
    os.kill(driver.pid, signal.SIGSTOP)  # so it doesn't see that its input has closed
    async with asyncio.timeout(HANG_S):
        while True:
            if driver.stopped:
                break
            await asyncio.sleep(0.01)
    state.entry.started_at -= 1000  # this process is the killed server
    state.update()
    assert state_file.end_orphans(tmp_path) == 1
    await asyncio.wait_for(driver.gone(), HANG_S)
    assert state.entry.drivers == []


async def test_a_run_whose_log_cannot_be_written_goes_on_and_its_log_is_refused(
    serve: Serve, settings: Settings
) -> None:
    served = await serve(FakeRay())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with served.peer() as peer:
        run_id = await peer.start(does="plan sleep:1 big:3 progress:3 end", rows=3)
        path = served.server.composition.runs.archive.log_path(run_id)
        await peer.events(run_id, until="running")
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 1000, before[1]))
        try:
            events = await peer.events(run_id, until="succeeded")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    notes = [event["data"]["text"] for event in events if event["kind"] == "note"]
    assert any("not recorded from here on: File too large" in note for note in notes)
    async with httpx.AsyncClient(base_url=served.url) as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = await client.get(f"/api/runs/{run_id}/log", headers=headers)
    assert answer.status_code == 410
    assert "not recorded to its end: File too large" in answer.json()["detail"]

    later = RunRegistry(Archive(settings.runs), None, None, 10**9)
    later.recover(lambda author: False)
    assert later.list() == []  # nobody knows how it ended
    with pytest.raises(BrokenLogError, match="File too large"):
        later.archive.state(run_id)
    run = served.server.composition.runs.loaded(run_id)
    assert run is not None
    assert run.status is RunStatus.SUCCEEDED
