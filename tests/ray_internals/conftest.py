"""What our modules read of Ray's private parts, asked once of a real driver."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.ray_cluster import RayCluster, printed

PROGRAM = """
import json, os, signal, sys, time
import ray
from ray._private.state import state
from demo_server.driver.observe.mailbox import open_mailbox
from demo_server.ray_internals import actors, patches, worker_processes, workers

ray.init(address=sys.argv[1], logging_level="error", log_to_driver=False)

def wait_for(true):
    deadline = time.monotonic() + 120
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found

@ray.remote(num_cpus=0)
class Actor:
    def environment(self):
        return os.getpid(), dict(os.environ)

seen = {"awaits_a_worker": [workers.awaits_a_worker()]}
box = open_mailbox()
ray.get(box.take.remote(0))
patches.start_actor_location_tracker()
ray.data.range(1).map_batches(lambda batch: batch).materialize()
kept, lost = Actor.remote(), Actor.remote()
pid, environ = ray.get(kept.environment.remote())
lost_pid, _ = ray.get(lost.environment.remote())

seen["pid"], seen["lost_pid"], seen["environ"] = pid, lost_pid, environ
seen["job"] = ray.get_runtime_context().get_job_id()
seen["ray_data_has_begun"] = actors.ray_data_has_begun()
seen["actors"] = [actor.model_dump() for actor in actors.actors()]
alive = state.actor_table(None, None, "ALIVE").values()
seen["actor_classes"] = [actor["ActorClassName"] for actor in alive]

raylet = worker_processes.raylet_here()
seen["raylet"] = {"pid": raylet.pid, "name": raylet.name(), "words": raylet.cmdline()}
found = worker_processes.worker_processes(raylet)
seen["workers"] = {
    one.process.pid: {
        "command": " ".join(one.process.cmdline()),
        "mine": one.works_for(seen["job"], standing=True),
    }
    for one in found
}
os.kill(lost_pid, signal.SIGKILL)
deaths = lambda: {w.pid: w.died_of for w in workers.workers() if w.died_of}
seen["deaths"] = wait_for(deaths)
never = Actor.options(resources={"nowhere": 1}).remote()
seen["awaits_a_worker"].append(wait_for(workers.awaits_a_worker))
print(json.dumps(seen))
"""


@pytest.fixture(scope="session")
def seen(ray_head: RayCluster) -> dict[str, Any]:
    """What a driver on a head of ours has seen, by the names that `PROGRAM` has for it."""
    [line] = printed(PROGRAM, ray_head)
    found: dict[str, Any] = json.loads(line)
    return found
