"""The head that we start: `ray start` with less in memory."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from demo_server.processes.head_command import NODE_ENV
from demo_server.system.fork_server import FORKS
from tests.support.bounds import HANG_S
from tests.support.ray_cluster import RayCluster, free_port

pytestmark = pytest.mark.skipif(not FORKS, reason="this system's head stays what it is")


@pytest.fixture
def head() -> Iterator[psutil.Process]:
    cluster = RayCluster(free_port(), forks=True)
    node = cluster.add(1, cluster.env(**NODE_ENV))
    yield psutil.Process(node.child.pid)
    cluster.stop()


def running(head: psutil.Process, script: str) -> list[psutil.Process]:
    """Return its processes that run this script."""
    found = head.children(recursive=True)
    return [one for one in found if any(word.endswith(script) for word in one.cmdline()[:4])]


def has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_once_ray_runs_neither_the_head_nor_an_agent_keeps_its_imports(
    head: psutil.Process,
) -> None:
    until(lambda: "waiting_head.py" in " ".join(head.cmdline()))
    [agent] = running(head, "no_agent.py")
    assert not running(head, "DashboardAgent")
    for process in (head, agent):
        assert process.memory_info().rss < 30e6


def test_ray_ends_with_the_process_of_the_head(head: psutil.Process) -> None:
    until(lambda: "waiting_head.py" in " ".join(head.cmdline()))
    children = {one.name(): one for one in head.children()}
    raylet, control_service = children["raylet"], children["gcs_server"]
    raylet.send_signal(signal.SIGKILL)
    until(lambda: has_ended(head) and has_ended(control_service))


def test_the_head_goes_on_without_the_process_that_forks_workers(head: psutil.Process) -> None:
    until(lambda: "waiting_head.py" in " ".join(head.cmdline()))
    [fork_server] = [one for one in running(head, "ray_internals.head") if one.ppid() == head.pid]
    os.kill(fork_server.pid, signal.SIGKILL)
    until(lambda: not fork_server.is_running())
    time.sleep(0.5)
    assert not has_ended(head)
    assert [one for one in head.children() if one.name() == "raylet"]
