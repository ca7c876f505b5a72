"""The user's cluster: a second node that has neither our checkout nor our paths."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.bounds import HANG_S
from tests.support.ray_cluster import RayCluster, free_port
from tests.support.real_driver import RealDriver, events

CHECKOUT = Path(__file__).resolve().parents[2]
# What makes a node of this machine another machine: our package can't be found in the checkout.
ELSEWHERE = f"""
import sys
from importlib.machinery import PathFinder

CHECKOUT = {str(CHECKOUT)!r}


class Elsewhere:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] != "demo_server":
            return None
        found = PathFinder.find_spec(name, path)
        if found is None or found.origin is None or found.origin.startswith(CHECKOUT + "/demo"):
            raise ModuleNotFoundError(f"No module named {{name!r}} on this node", name=name)
        return found


sys.meta_path.insert(0, Elsewhere)
"""

# A driver's mailbox, five new ones: by chance alone it is hardly ever where it should be.
WHERE = """
import sys

import ray

from demo_server.driver.cluster import connect
from demo_server.driver.observe.mailbox import open_mailbox

connect(sys.argv[1], own_head=True)
here = ray.get_runtime_context().get_node_id()
for _ in range(5):
    mailbox = open_mailbox()
    ray.get(mailbox.take.remote(0))
    [found] = [a for a in ray._private.state.actors().values() if a["State"] == "ALIVE"]
    print(found["Address"]["NodeID"] == here)
    ray.kill(mailbox)
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RayCluster]:
    """A head without CPUs, so that all work is done on the other node."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "sitecustomize.py").write_text(ELSEWHERE)
    cluster = RayCluster(free_port())
    cluster.add(0, cluster.env())
    cluster.add(2, cluster.env(PYTHONPATH=str(elsewhere)), cwd=elsewhere)
    yield cluster
    cluster.stop()


def test_code_is_shipped_to_a_node_without_it_and_results_return(
    cluster: RayCluster, tmp_path: Path
) -> None:
    with RealDriver(cluster.address, cluster.env(), cwd=tmp_path) as driver:
        said = driver.ready()
        if said["type"] == "ready":  # it is on the head, and the actors aren't
            said = driver.run("embed", tmp_path, rows=20, blocks=1)[-1]
        assert said["status"] == "failed"  # so the second node is what it should be
        assert "No module named 'demo_server'" in said["reason"]
    with RealDriver(cluster.address, cluster.env(), cwd=tmp_path, users_cluster=True) as driver:
        assert driver.ready()["cpus"] == 2
        messages = driver.run("embed", tmp_path, rows=200, blocks=2)
        assert messages[-1]["status"] == "succeeded", messages[-1]
        assert events(messages, "rows")
        assert pq.read_metadata(tmp_path / "result.parquet").num_rows == 200
        messages = driver.run("shutdown", tmp_path)
        assert not messages[-1]["end_ray"]
        [note] = events(messages, "note")
        assert "Only disconnected" in note["text"]


def test_the_mailbox_is_placed_on_the_node_of_the_driver() -> None:
    cluster = RayCluster(free_port())
    try:
        cluster.add(1, cluster.env())
        cluster.add(1, cluster.env())
        asked = subprocess.run(
            [sys.executable, "-c", WHERE, cluster.address],
            env=cluster.env(),
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=HANG_S,
        )
    finally:
        cluster.stop()
    assert asked.stdout.split() == ["True"] * 5, asked.stderr[-3000:]
