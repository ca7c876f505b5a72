"""How our head starts its workers: forked by a process that has their imports."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo_server.processes.head_command import NODE_ENV
from demo_server.ray_internals.worker_environment import CODE, FORK_SERVERS, MODULES
from demo_server.ray_internals.worker_start import socket_path, wanted_worker
from demo_server.system.fork_server import FORKS
from tests.support.ray_cluster import RayCluster, free_port, printed

WORDS = ["default_worker.py", "--node-ip-address=127.0.0.1"]
LANGUAGE = "--language=PYTHON"


def words(**context: Any) -> list[str]:
    return [f"--serialized-runtime-env-context={json.dumps(context)}", *WORDS, LANGUAGE]


def test_a_worker_without_an_environment_of_its_own_has_the_raylets() -> None:
    worker = wanted_worker([*WORDS, LANGUAGE], {"HOME": "/"})
    assert worker
    assert (worker.argv, worker.env) == (WORDS, {"HOME": "/"})


def test_a_workers_variables_are_added_to_the_raylets() -> None:
    asked = words(env_vars={MODULES: "torch"}, py_executable=sys.executable, command_prefix=[])
    worker = wanted_worker(asked, {"HOME": "/"})
    assert worker
    assert worker.env == {"HOME": "/", MODULES: "torch"}


@pytest.mark.parametrize(
    "context",
    [
        {"py_executable": "/opt/other/python"},
        {"command_prefix": ["cd", "/", "&&"]},
        {"override_worker_entrypoint": "/worker.py"},
        {"env_vars": {"PATH": "/opt:${PATH}"}},
        {"env_vars": {"RAY_TLS_CA_CERT": "/x"}},
    ],
)
def test_what_takes_more_than_a_fork_is_left_to_ray(context: dict[str, Any]) -> None:
    assert wanted_worker(words(**context), {}) is None


def test_workers_with_the_same_imports_of_the_same_code_have_one_fork_server() -> None:
    def path(**more: str) -> str:
        return socket_path({FORK_SERVERS: "/forks", **more})

    torch = path(**{MODULES: "torch", CODE: "1"})
    assert path() == "/forks/base"
    assert torch == path(**{MODULES: "torch", CODE: "1", "OTHER": "x"})
    assert len({path(), torch, path(**{MODULES: "torch", CODE: "2"})}) == 3


@pytest.fixture(scope="module")
def head() -> Iterator[RayCluster]:
    if not FORKS:
        pytest.skip("macOS allows no such fork")
    cluster = RayCluster(free_port(), forks=True)
    cluster.add(2, cluster.env(**NODE_ENV))
    yield cluster
    cluster.stop()


BEGIN = """
import sys, time
import psutil, ray
from demo_server.ray_internals.prestart import prestart, runtime_env, standing
from demo_server.ray_internals.worker_processes import raylet_here, worker_processes
ray.init(address=sys.argv[1], logging_level="error", log_to_driver=False)

@ray.remote(num_cpus=0)
class Actor:
    def seen(self):
        import os, sys
        return {"pid": os.getpid(), "modules": set(sys.modules)}

def began(**options):
    actor = Actor.options(**options).remote()
    return actor, ray.get(actor.seen.remote())

def until(true):
    deadline = time.monotonic() + 120
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert true()

def starting():
    return [one for one in raylet.children() if "worker_start" in " ".join(one.cmdline())]

raylet = raylet_here()
LIBRARIES = ("json.tool", "this")
"""
END = """
print("as it must be", flush=True)
"""

FORKED = """
plain, seen = began()
assert "ray.data" in seen["modules"] and "this" not in seen["modules"]
models = {name for name in seen["modules"] if name.startswith("demo_server.protocol")}
assert not models, models  # ten megabytes in each worker
process = psutil.Process(seen["pid"])
assert "ray_internals.head" in " ".join(process.parent().cmdline())
actor, seen = began(runtime_env=runtime_env(LIBRARIES))
another, also = began(runtime_env=runtime_env(LIBRARIES))
assert {"this", "ray.data"} <= seen["modules"] and "this" in also["modules"]
servers = {psutil.Process(one["pid"]).ppid() for one in (seen, also)}
assert len(servers) == 1 and process.ppid() not in servers, servers
"""

COUNTED = """
OTHERS = ("json.tool", "colorsys")
# Ray starts two at once here, and none of these while a new job's own are starting.
while standing(raylet)[OTHERS] < 2:
    if not starting():
        prestart(OTHERS, 2 - standing(raylet)[OTHERS])
    time.sleep(2)
until(lambda: not starting())
ready = standing(raylet)[OTHERS]
there = {one.process.pid for one in worker_processes(raylet) if not one.forks}
actor, seen = began(runtime_env=runtime_env(OTHERS))
assert seen["pid"] in there
until(lambda: standing(raylet)[OTHERS] == ready - 1)
job = ray.get_runtime_context().get_job_id()
mine = {w.process.pid for w in worker_processes(raylet) if w.works_for(job, standing=False)}
assert seen["pid"] in mine
"""

ENDED = """
actor, seen = began()
process = psutil.Process(seen["pid"])
ray.kill(actor)
until(lambda: not process.is_running())
assert process.pid not in {one.process.pid for one in worker_processes(raylet)}
"""

WITHOUT = """
actor, seen = began()
base = psutil.Process(seen["pid"]).parent()
base.kill()
until(lambda: not base.is_running())
more = [began() for _ in range(6)]
unforked = [one["pid"] for _, one in more if psutil.Process(one["pid"]).ppid() == raylet.pid]
assert unforked, "none was started by the raylet itself"
"""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(FORKED, id="a worker is forked with its imports"),
        pytest.param(COUNTED, id="workers that stand ready are counted"),
        pytest.param(ENDED, id="a worker ends with its actor"),
        pytest.param(WITHOUT, id="without a fork server Ray starts workers itself"),
    ],
)
def test_on_a_head_of_ours(head: RayCluster, program: str) -> None:
    assert printed(BEGIN + program + END, head) == ["as it must be"]


def test_no_forked_worker_outlives_its_raylet(tmp_path: Path) -> None:
    if not FORKS:
        pytest.skip("macOS allows no such fork")
    cluster = RayCluster(free_port(), forks=True)
    cluster.add(2, cluster.env(**NODE_ENV))
    try:
        program = """
actor, seen = began()
worker = psutil.Process(seen["pid"])
raylet.kill()
until(lambda: not worker.is_running())
"""
        assert printed(BEGIN + program + END + "import os; os._exit(0)", cluster)
    finally:
        cluster.stop()
