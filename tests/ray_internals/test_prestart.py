"""Workers that stand ready: a private call of Ray's, held to what it must do, on real Ray."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from demo_server.processes.head_command import NODE_ENV
from demo_server.ray_internals.prestart import VERSION, runtime_env
from tests.support.ray_cluster import RayCluster, free_port, printed

# The module's import stands for a library's: it is slow, and leaves its time behind.
PROGRAM = """
import sys, time
import ray
from demo_server.driver.observe.mailbox import open_mailbox
from demo_server.ray_internals.prestart import prestart, runtime_env
from demo_server.ray_internals.worker_processes import raylet_here

MODULES = ("json.tool", "this")
ray.init(address=sys.argv[1], logging_level="error", log_to_driver=False)

@ray.remote(num_cpus=0)
def task_has(module):
    import sys
    return module in sys.modules

@ray.remote(num_cpus=0)
class Actor:
    def has(self, module):
        import sys
        return module in sys.modules
    def pid(self):
        import os
        return os.getpid()

box = open_mailbox()
raylet = raylet_here()

def idle():
    return {p.pid for p in raylet.children() if "".join(p.cmdline()).startswith("ray::IDLE")}

before = idle()
prestart(MODULES, 1)
deadline = time.monotonic() + 120
while not (new := idle() - before) and time.monotonic() < deadline:
    time.sleep(0.05)
assert len(new) == 1, new
assert not ray.get(task_has.remote("this"))
actor = Actor.options(runtime_env=runtime_env(MODULES)).remote()
assert ray.get(actor.has.remote("this"))
assert ray.get(actor.pid.remote()) in new
plain = Actor.remote()
assert not ray.get(plain.has.remote("this"))
cold = Actor.options(runtime_env=runtime_env(MODULES)).remote()
assert ray.get(cold.has.remote("this"))
assert ray.get(cold.pid.remote()) not in new
print("as it must be")
"""


@pytest.fixture(scope="module")
def head() -> Iterator[RayCluster]:
    cluster = RayCluster(free_port())
    cluster.add(2, cluster.env(**NODE_ENV))
    yield cluster
    cluster.stop()


def test_an_actor_gets_the_prestarted_worker_and_a_task_does_not(head: RayCluster) -> None:
    assert printed(PROGRAM, head) == ["as it must be"]


def test_a_prestarted_worker_outlives_its_driver_but_not_a_change_of_code(head: RayCluster) -> None:
    printed(ASK, head)
    assert printed(FIND, head) == ["as it must be"]


def test_a_run_of_a_waiting_standby_starts_no_worker(head: RayCluster) -> None:
    assert printed(WAIT_AND_RUN, head) == ["as it must be"]


def test_each_task_worker_of_a_ready_driver_has_ray_data_imported(head: RayCluster) -> None:
    assert printed(WARM, head) == ["as it must be"]


def test_idle_workers_stay(head: RayCluster) -> None:
    assert printed(IDLE, head) == ["as it must be"]


WAIT_AND_RUN = """
import sys, time
import datasets, ray
from demo_server.driver.observe.mailbox import open_mailbox
from demo_server.driver.startup import warm_up
from demo_server.ray_internals.patches import start_actor_location_tracker
from demo_server.ray_internals.prestart import prestart, runtime_env
from demo_server.ray_internals.worker_processes import raylet_here

MODULES = ("json.tool",)
ray.init(address=sys.argv[1], logging_level="error", log_to_driver=False)

class Embedder:
    def __call__(self, batch):
        return batch

start_actor_location_tracker()
box = open_mailbox()
raylet = raylet_here()
prestart(MODULES, 1)
prestart(("this",), 1)
warm_up(2, whole=True)
time.sleep(5)
there = {child.pid for child in raylet.children()}
rows = datasets.Dataset.from_dict({"id": [str(n) for n in range(100)]})
ds = ray.data.from_huggingface(rows).repartition(4)
actors = ray.data.ActorPoolStrategy(size=1)
ds = ds.map_batches(Embedder, compute=actors, num_cpus=1, runtime_env=runtime_env(MODULES))
assert ds.materialize().count() == 100
started = {child.pid for child in raylet.children()} - there
assert not started, started
print("as it must be")
"""

# Two tasks that overlap are in two workers; without the import, one of them hasn't Ray Data.
WARM = """
import sys
import ray
from demo_server.driver.startup import warm_up
ray.init(address=sys.argv[1], logging_level="error", log_to_driver=False)
warm_up(2, whole=True)

@ray.remote
def has_ray_data():
    import os, sys, time
    time.sleep(1)
    return os.getpid(), "ray.data" in sys.modules

found = dict(ray.get([has_ray_data.remote() for _ in range(2)]))
assert len(found) == 2 and all(found.values()), found
print("as it must be")
"""

# More than one for each CPU: Ray would end them after a second.
IDLE = """
import sys, time
import psutil, ray
ray.init(address=sys.argv[1], logging_level="error", log_to_driver=False)

@ray.remote(num_cpus=0)
def pid():
    import os, time
    time.sleep(2)
    return os.getpid()

pids = ray.get([pid.remote() for _ in range(6)])
time.sleep(5)
gone = [pid for pid in pids if not psutil.pid_exists(pid)]
assert not gone, gone
print("as it must be")
"""

# One driver asks and ends; what it asked for is there for the next, unless that has other code.
ASK = """
import sys
import ray
from demo_server.ray_internals.prestart import prestart
ray.init(address=sys.argv[1], logging_level="error", log_to_driver=False)
prestart(("json.tool",), 2)
"""
FIND = """
import sys, time
import psutil, ray
from demo_server.ray_internals import prestart
from demo_server.driver.observe.mailbox import open_mailbox
from demo_server.ray_internals.worker_processes import raylet_here
ray.init(address=sys.argv[1], logging_level="error", log_to_driver=False)
MODULES = ("json.tool",)

@ray.remote(num_cpus=0)
class Actor:
    def pid(self):
        import os
        return os.getpid()

def until(count):
    deadline = time.monotonic() + 120
    while prestart.standing(raylet)[MODULES] != count and time.monotonic() < deadline:
        time.sleep(0.05)
    return prestart.standing(raylet)[MODULES]

box = open_mailbox()
raylet = raylet_here()
assert until(2) == 2
there = {child.pid for child in raylet.children()}
actor = Actor.options(runtime_env=prestart.runtime_env(MODULES)).remote()
assert ray.get(actor.pid.remote()) in there
assert until(1) == 1
prestart.VERSION = "another"
assert until(0) == 0
print("as it must be")
"""


def test_the_environment_names_the_modules_in_order_and_the_codes_version() -> None:
    variables = {"DEMO_PRELOAD_MODULES": "a,b.c", "DEMO_PRELOAD_CODE": VERSION}
    assert runtime_env(["a", "b.c"]) == {"env_vars": variables}


def test_preparing_a_driver_does_not_import_transformers() -> None:
    code = (
        "import sys; from demo_server.driver import startup; startup.load_experiments(); "
        "from demo_server.ray_internals.patches import disable_hub_lookup; disable_hub_lookup(); "
        "assert 'transformers' not in sys.modules; import transformers"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
