"""The driver as a process: how it starts, fails and ends; on real Ray."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo_server.driver import loader
from demo_server.driver.cluster import connect, mismatch
from demo_server.driver.startup import preloads_of
from demo_server.embedding.registry import OPENVINO
from demo_server.processes.head_command import local_env
from demo_server.protocol.driver_messages import PrioritizeCommand
from demo_server.protocol.errors import ClusterError
from demo_server.system.process import kill_group
from demo_server.system.settings import Inputs
from tests.faults.stage import copy_checkout
from tests.support.bounds import HANG_S, SOON_S
from tests.support.ray_cluster import Outside, RayCluster, free_port
from tests.support.real_driver import RealDriver, events

CPUS = """
import ray, sys, time
ray.init(address=sys.argv[1], logging_level="error", log_to_driver=False)
print("connected", flush=True)
for _ in sys.stdin:
    print(ray.available_resources().get("CPU", 0), flush=True)
"""


@pytest.fixture(scope="module")
def driver(ray_head: RayCluster) -> Iterator[RealDriver]:
    """A driver for the tests that leave it as they found it."""
    with RealDriver(ray_head.address, ray_head.env()) as driver:
        assert driver.ready()["type"] == "ready"
        yield driver


@pytest.fixture
def free_cpus(ray_head: RayCluster) -> Iterator[Callable[[], float]]:
    """Return a function that tells how many CPUs of the head are free now."""
    asker = subprocess.Popen(
        [sys.executable, "-c", CPUS, ray_head.address],
        env=ray_head.env(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert asker.stdin
    assert asker.stdout
    stdin, stdout = asker.stdin, asker.stdout

    def ask() -> float:
        stdin.write("?\n")
        stdin.flush()
        return float(stdout.readline())

    assert stdout.readline() == "connected\n"
    yield ask
    kill_group(asker.pid)
    asker.wait()
    stdin.close()
    stdout.close()


def within(seconds: float, true: Callable[[], bool]) -> float:
    """Wait until something is true; return how long that took."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - started


def test_killing_a_driver_frees_the_cpus_of_its_actors(
    ray_head: RayCluster, free_cpus: Callable[[], float], tmp_path: Path
) -> None:
    with RealDriver(ray_head.address, ray_head.env()) as driver:
        assert driver.ready()["cpus"] == 2
        within(HANG_S, lambda: free_cpus() == 2)
        driver.start("embed", tmp_path, rows=5000, blocks=50)
        driver.until(lambda m: m.get("kind") == "rows")
        assert free_cpus() < 2
        kill_group(driver.child.pid)
        driver.child.wait()
        within(SOON_S, lambda: free_cpus() == 2)


def test_a_driver_exits_when_its_input_closes_during_a_run(
    ray_head: RayCluster, tmp_path: Path
) -> None:
    with RealDriver(ray_head.address, ray_head.env()) as driver:
        ready = driver.ready()
        assert ready["device"] in ("cpu", "cuda", "mps")
        assert ready["versions"]["ray"]
        driver.start("embed", tmp_path, rows=2000, blocks=10)
        driver.until(lambda m: m.get("kind") == "plan")
        assert driver.child.stdin
        driver.child.stdin.close()
        within(SOON_S, lambda: driver.child.poll() is not None)
        assert driver.child.returncode == 0


def test_a_driver_exits_when_its_input_closes_while_it_connects() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute.settimeout(HANG_S)
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        with RealDriver(address, local_env("00" * 32)) as driver:
            knock, _ = mute.accept()
            unanswered, _ = mute.accept()
            assert driver.child.stdin
            driver.child.stdin.close()
            within(SOON_S, lambda: driver.child.poll() is not None)
            assert driver.child.returncode == 0
            knock.close()
            unanswered.close()


def test_a_driver_sends_heartbeats_during_a_run(driver: RealDriver, tmp_path: Path) -> None:
    driver.alive_at.clear()
    driver.run("padding", tmp_path, rows=300)
    gaps = [b - a for a, b in zip(driver.alive_at, driver.alive_at[1:], strict=False)]
    assert gaps
    assert max(gaps) < 3


def test_a_pipeline_without_progress_is_ended_with_the_reason(
    ray_head: RayCluster, tmp_path: Path
) -> None:
    checkout = copy_checkout(tmp_path, experiments=Path(__file__).parent / "experiments")
    env = ray_head.env(DEMO_STALL_S="12")
    with RealDriver(ray_head.address, env, cwd=checkout) as driver:
        driver.ready()
        messages = driver.run("waiting", tmp_path, cpus=2)
    assert messages[-1]["status"] == "failed"
    [failure] = events(messages, "failure")
    assert failure["exception"] == "StalledError"
    assert "no progress for 12 s: 0 rows are out of" in failure["message"]
    assert "0 of 2 CPUs are free" in failure["message"]
    assert "num_cpus" in failure["remedy"]


def test_an_exception_in_user_code_keeps_its_class(ray_head: RayCluster, tmp_path: Path) -> None:
    broken = tmp_path / "model"
    broken.mkdir()
    (broken / "config.json").write_text('{"model_type": "bert"}')
    (broken / "tokenizer.json").write_text("{}")
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    weights = len(header).to_bytes(8, "little") + header + b"\0\0\0\0"
    (broken / "model.safetensors").write_bytes(weights)
    with RealDriver(ray_head.address, ray_head.env(), inputs=Inputs(model=str(broken))) as driver:
        driver.ready()
        messages = driver.run("embed", tmp_path, rows=10, blocks=1)
    assert messages[-1]["status"] == "failed"
    [failure] = events(messages, "failure")
    assert not failure["expected"]
    assert failure["exception"] not in ("ActorDiedError", "RayTaskError")
    said = str(failure)
    assert ray_head.token not in said
    assert str(tmp_path) not in said


def test_an_unknown_experiment_or_parameter_is_rejected_with_a_sentence(
    driver: RealDriver, tmp_path: Path
) -> None:
    [end] = driver.run("nothing", tmp_path)
    assert "no experiment 'nothing'" in end["reason"]
    [end] = driver.run("embed", tmp_path, batch_size=0)
    assert "batch_size" in end["reason"]
    [end] = driver.run("show", tmp_path)
    assert end["reason"] == "There is no result to show yet: run embed first."


def columns_of_many_types(rows: int) -> dict[str, pa.Array]:
    """Return columns whose values a NumPy batch would change."""
    hour = datetime(2024, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    none_first = [None, *range(1, rows)]
    turn = pa.struct([("role", pa.string()), ("turn", pa.int64())])
    return {
        "large": pa.array([n and 2**53 + 2 * n - 1 for n in none_first], pa.int64()),
        "score": pa.array([n and n / 7 for n in none_first], pa.float64()),
        "at": pa.array(
            [hour + timedelta(hours=n) for n in range(rows)], pa.timestamp("us", "Europe/Vienna")
        ),
        "day": pa.array([date(2024, 1, 1 + n) for n in range(rows)], pa.date32()),
        "price": pa.array([Decimal(n) / 100 for n in range(rows)], pa.decimal128(12, 2)),
        "ragged": pa.array([list(range(n)) for n in range(rows)], pa.list_(pa.int64())),
        "turns": pa.array(
            [[{"role": "user", "turn": n}] * (n % 3) for n in range(rows)], pa.list_(turn)
        ),
        "meta": pa.array([n and {"role": "user", "turn": n} for n in none_first], turn),
        "raw": pa.array([bytes([n, 0, 255]) for n in range(rows)], pa.binary()),
        "size": pa.array(["small" if n % 2 else None for n in range(rows)]).dictionary_encode(),
        "view": pa.array([f"view {n}" for n in range(rows)], pa.string_view()),
        "huge": pa.array([2**64 - 1 - n for n in range(rows)], pa.uint64()),
        "half": pa.array([None if n is None else n / 2 for n in none_first], pa.float16()),
        "waited": pa.array(none_first, pa.duration("us")),
        "owed": pa.array([Decimal(n).scaleb(-3) for n in range(rows)], pa.decimal256(60, 3)),
        "nothing": pa.nulls(rows),
        "pair": pa.array(
            [None if n is None else [n, None] for n in none_first], pa.list_(pa.int8(), 2)
        ),
        "code": pa.array([bytes([n, n]) for n in range(rows)], pa.binary(2)),
        "deep": pa.array(
            [n and {"a": [{"b": n}, None], "c": None} for n in none_first],
            pa.struct([("a", pa.large_list(pa.struct([("b", pa.int16())]))), ("c", pa.null())]),
        ),
        "noon": pa.array(none_first, pa.time64("us")),
    }


def test_other_text_columns_and_unusable_rows_are_embedded_and_counted(
    ray_head: RayCluster, tmp_path: Path
) -> None:
    texts = ["first", None, "", "emoji 🦜", "مرحبا بالعالم", "last"]
    file = tmp_path / "reviews.parquet"
    read = pa.table({"review": texts, **columns_of_many_types(len(texts))})
    pq.write_table(read, file)
    inputs = Inputs(dataset=str(file), text_column="review")
    with RealDriver(ray_head.address, ray_head.env(), inputs=inputs) as driver:
        driver.ready()
        messages = driver.run("embed", tmp_path, rows=6, blocks=2, batch_size=3)
    assert messages[-1]["status"] == "succeeded"
    notes = [note["text"] for note in events(messages, "note")]
    assert "4 rows kept, 1 without a value dropped, 1 empty ones dropped" in notes
    written = pq.read_table(tmp_path / "result.parquet")
    others = written.drop_columns(["id", "embedding"])
    assert others.schema == read.schema
    rows = read.to_pylist()
    assert others.to_pylist() == [rows[number] for number in (0, 3, 4, 5)]
    [result] = events(messages, "result")
    assert result["counts"] == {
        "in_file": 6,
        "read": 6,
        "dropped": 2,
        "left_out": 0,
        "lost": 0,
        "embedded": 4,
        "out": 4,
    }
    shown = [row["text"] for batch in events(messages, "rows") for row in batch["rows"]]
    assert "emoji 🦜" in shown


def test_a_driver_does_run_after_run_each_with_an_actor_of_its_own(
    ray_head: RayCluster, tmp_path: Path
) -> None:
    with RealDriver(ray_head.address, ray_head.env()) as driver:
        driver.ready()
        workers = {}
        for run in ("first", "second"):
            directory = tmp_path / run
            directory.mkdir()
            messages = driver.run("embed", directory, rows=40, blocks=2)
            assert messages[-1]["status"] == "succeeded"
            assert messages[-1]["unharmed"], driver.output.read_text()
            assert pq.read_metadata(directory / "result.parquet").num_rows == 40
            workers[run] = {row["worker"] for row in events(messages, "rows")}
        assert workers["first"].isdisjoint(workers["second"])
        assert driver.run("show", tmp_path)[-1]["status"] == "succeeded"
        driver.release()
        assert driver.run("show", tmp_path)[-1]["status"] == "failed"


def test_a_driver_reports_what_its_run_has_changed_and_runs_nothing_else(
    ray_head: RayCluster, tmp_path: Path
) -> None:
    checkout = copy_checkout(tmp_path, experiments=Path(__file__).parent / "experiments")
    with RealDriver(ray_head.address, ray_head.env(), cwd=checkout) as driver:
        driver.ready()
        end = driver.run("careless", tmp_path)[-1]
        assert end["status"] == "succeeded"
        assert not end["unharmed"]
        printed = driver.output.read_text()
        assert "load_dataset" in printed
        assert "the workers of its tasks" in printed


def test_a_missing_dataset_ends_the_driver_with_a_message(ray_head: RayCluster) -> None:
    inputs = Inputs(dataset="/no/such.parquet")
    with RealDriver(ray_head.address, ray_head.env(), inputs=inputs) as driver:
        end = driver.ready()
        assert end["type"] == "end"
        assert end["reason"].startswith("There is no file or directory")
        assert driver.child.wait(HANG_S) == 2


def test_a_wrong_token_is_reported_by_its_variable(ray_head: RayCluster) -> None:
    with RealDriver(ray_head.address, ray_head.env(RAY_AUTH_TOKEN="0" * 64)) as driver:
        end = driver.ready()
        assert end["type"] == "end"
        assert "RAY_AUTH_TOKEN" in end["reason"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:{free}", "No Ray cluster answers at 127.0.0.1:"),
        ("no.such.host.invalid:6379", "No Ray cluster answers at no.such.host.invalid:6379"),
        ("ray://127.0.0.1", "must be host:port"),
        ("127.0.0.1", "must be host:port"),
        ("127.0.0.1:99999", "No Ray cluster answers"),
    ],
)
def test_an_address_without_a_cluster_is_rejected(address: str, said: str) -> None:
    started = time.monotonic()
    with pytest.raises(ClusterError, match=said):
        connect(address.format(free=free_port()), own_head=True)
    assert time.monotonic() - started < SOON_S


def test_a_version_mismatch_names_both_versions() -> None:
    text = (
        "Version mismatch: The cluster was started with:\n    Ray: 2.59.0\n    Python: 3.11.7\n"
        "This process on node 127.0.0.1:1 was started with:\n    Ray: 2.60.0\n"
        "    Python: 3.11.7\n"
    )
    said = mismatch(text)
    assert "Ray 2.59.0 there and 2.60.0 here" in said
    assert "Python" not in said


def test_a_standby_imports_neither_torch_nor_sentence_transformers() -> None:
    code = (
        "import sys, demo_server.driver.startup\n"
        "from demo_server.driver import loader\n"
        "[loader.load(name) for name in loader.names()]\n"
        "sys.exit(bool({'torch', 'sentence_transformers'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False)
    assert done.returncode == 0


def test_only_the_workers_of_a_waiting_run_are_prestarted() -> None:
    embed, peek = loader.load("embed"), loader.load("peek")
    assert preloads_of(embed, ()) == embed.preloads
    with_openvino = PrioritizeCommand(experiment="embed", params={"engine": "OpenVinoEmbedder"})
    assert preloads_of(embed, [with_openvino]) == [OPENVINO]
    assert preloads_of(peek, [with_openvino]) == []
    of_peek = PrioritizeCommand(experiment="peek", params={"batch_size": 8})
    assert preloads_of(peek, [of_peek]) == peek.preloads


def test_local_rows_reach_ray_without_a_request_to_the_hub(
    ray_head: RayCluster, outside: Outside
) -> None:
    code = (
        "import sys, ray, ray.data\n"
        "from datasets import load_dataset\n"
        "from demo_server.data import source\n"
        "from demo_server.driver.cluster import connect\n"
        "from demo_server.ray_internals.patches import disable_hub_lookup\n"
        "connect(sys.argv[1], own_head=True)\n"
        "disable_hub_lookup()\n"
        "asked = source.resolve(None, None)\n"
        "path, options = asked.load_arguments\n"
        "rows = ray.data.from_huggingface(load_dataset(path, **options)).count()\n"
        "sys.exit(rows != asked.rows)\n"
    )
    before = list(outside.asked)
    command = [sys.executable, "-c", code, ray_head.address]
    done = subprocess.run(command, env=ray_head.env(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    assert outside.asked == before
