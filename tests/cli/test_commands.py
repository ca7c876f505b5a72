"""The console script, as a person or `npm start` calls it."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from demo_server.cli.options import (
    ServeOptions,
    SourceOptions,
    experiment_options,
    invoke,
    new_app,
    with_options,
)
from demo_server.processes import state_file
from demo_server.processes.state_file import StateFile
from demo_server.system.checkout import ROOT
from demo_server.system.demo_error import SettingsError
from tests.support.bounds import HANG_S
from tests.support.fakes import description
from tests.support.prepared_cache import prepare
from tests.support.ray_cluster import RayCluster


def command(
    *words: str, cache: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo_server", *words],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        env={**os.environ, "DEMO_CACHE": str(cache), **(env or {})},
    )


BAD_FLAGS = [
    (["serve", "--port", "70000"], "--port"),
    (["serve", "--port", "many"], "--port"),
    (["serve", "--runs-mib", "0"], "--runs-mib"),
    (["serve", "--allow-origin", "localhost"], "--allow-origin"),
    (["serve", "--share", "--host", "127.0.0.1"], "--share"),
    (["serve", "--public-url", "talk.example.org"], "--public-url"),
    (["serve", "--public-url", "https://talk.example.org/deck"], "after the host"),
    (["serve", "--ray-address", "somewhere"], "--ray-address"),
    (["serve", "--dataset", " "], "--dataset"),
    (["serve", "--nonsense"], "--nonsense"),
    (["dance"], "dance"),
    (["run"], "EXPERIMENT"),
    (["run", "--rows", "5"], "EXPERIMENT"),
    (["doctor"], "demo-server doctor EXPERIMENT"),
    (["record"], "EXPERIMENT"),
    (["record", "embed", "--rows", "many"], "--rows"),
    ([], "command"),
]


@pytest.mark.parametrize(("words", "named"), BAD_FLAGS)
def test_a_bad_flag_gets_one_sentence_that_names_it(
    words: list[str], named: str, tmp_path: Path
) -> None:
    done = command(*words, cache=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert named in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    done = command("serve", cache=tmp_path, env={"DEMO_TOKEN": "short"})
    assert done.returncode == 2
    assert "DEMO_TOKEN" in done.stderr


@pytest.mark.parametrize("stall", ["soon", "", "0", "-3", "nan"])
def test_an_invalid_stall_time_is_refused_by_name(tmp_path: Path, stall: str) -> None:
    done = command("serve", cache=tmp_path, env={"DEMO_STALL_S": stall})
    assert done.returncode == 2
    assert "DEMO_STALL_S" in done.stderr


def test_a_port_in_use_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("serve", "--port", str(port), cache=tmp_path)
    assert done.returncode == 2
    assert f"Port {port}" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_second_server_reports_the_address_of_the_first(tmp_path: Path) -> None:
    state = StateFile(tmp_path / state_file.SERVER)
    state.entry.url = "http://127.0.0.1:4321"
    state.write()
    done = command("serve", "--port", "0", cache=tmp_path)
    assert done.returncode == 2
    assert "http://127.0.0.1:4321" in done.stderr


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = command("serve", "--port", "0", cache=tmp_path / "file")
    assert done.returncode == 2
    assert str(tmp_path / "file") in done.stderr
    assert "Traceback" not in done.stderr


def test_the_server_never_imports_what_is_heavy() -> None:
    code = (
        "import sys; import demo_server.server, demo_server.cli.main; "
        "assert 'rich' not in sys.modules; "
        "import demo_server.cli.check, demo_server.cli.record, demo_server.cli.doctor; "
        "print([m for m in ('ray', 'torch', 'datasets', 'pyarrow', 'numpy', 'pandas', "
        "'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def orphan() -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, with a child that ignores being asked to end."""
    code = "trap '' TERM; sleep 300 & echo; wait"
    child = subprocess.Popen(["sh", "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout
    child.stdout.readline()
    yield child
    child.stdout.close()
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def test_processes_of_a_killed_server_are_ended(
    tmp_path: Path, orphan: subprocess.Popen[bytes]
) -> None:
    directory = tmp_path / "ray-session"
    directory.mkdir()
    state = StateFile(tmp_path / state_file.SERVER)
    started = state_file.process.psutil.Process(orphan.pid).create_time()
    state.add(
        state_file.ProcessSession(pid=orphan.pid, started_at=started, directory=str(directory))
    )
    assert state_file.end_orphans(tmp_path) == 0, "its server, this process, lives"
    state.entry.started_at -= 1000
    state.write()
    assert state_file.end_orphans(tmp_path) == 2
    assert orphan.wait(HANG_S) == -signal.SIGKILL
    assert not directory.exists()
    assert not state.path.exists()


def test_a_reused_pid_is_left_alone(tmp_path: Path, orphan: subprocess.Popen[bytes]) -> None:
    state = StateFile(tmp_path / state_file.SERVER)
    started = state_file.process.psutil.Process(orphan.pid).create_time()
    state.entry.started_at -= 1000
    state.add(state_file.ProcessSession(pid=orphan.pid, started_at=started - 500))
    assert state_file.end_orphans(tmp_path) == 0
    assert orphan.poll() is None


def test_the_state_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    state = StateFile(tmp_path / state_file.SERVER, "secret")
    state.write()
    assert state.path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_state_file_is_ignored(tmp_path: Path) -> None:
    (tmp_path / state_file.SERVER).write_text("{half")
    assert state_file.running_server(tmp_path) is None
    assert state_file.end_orphans(tmp_path) == 0


def test_an_experiments_options_come_from_its_schema() -> None:
    app = new_app()
    app.command()(
        with_options(params=experiment_options(description("embed")))(lambda params: params)
    )
    params = invoke(app, "demo-server run embed", ["--rows", "20", "--num-cpus", "2"])
    assert (params.rows, params.num_cpus, params.concurrency) == (20, 2, None)
    with pytest.raises(SettingsError, match=r"'--rows'.*`demo-server run embed --help`"):
        invoke(app, "demo-server run embed", ["--rows", "many"])


def test_the_doctor_runs_an_experiment_and_ends_with_what_it_found(
    ray_head: RayCluster, tmp_path: Path
) -> None:
    prepare(tmp_path)
    asked = ["doctor", "embed", "--rows", "40", "--blocks", "1", "--batch-size", "2", "--json"]
    done = command(
        *[*asked, "--ray-address", ray_head.address],
        cache=tmp_path,
        env=ray_head.env(),
    )
    checks = {check["name"]: check["state"] for check in json.loads(done.stdout)}
    assert checks["loaded"] == checks["complete"] == "ok"
    assert checks["full"] == "warn"
    assert done.returncode == 1


def test_the_doctor_refuses_what_a_run_refuses(tmp_path: Path) -> None:
    for words, named in (["nothing"], "nothing"), (["embed", "--rows", "many"], "--rows"):
        done = command("doctor", *words, cache=tmp_path)
        assert done.returncode == 2
        assert named in done.stderr
        assert done.stdout == ""


def test_a_run_that_is_refused_leaves_no_process_behind(tmp_path: Path) -> None:
    done = command("run", "embed", "--rows", "10000000", cache=tmp_path)
    assert done.returncode == 2
    assert "rows" in done.stderr
    assert [p for p in psutil.process_iter() if cache_of(p) == str(tmp_path)] == []


@pytest.mark.parametrize("words", [["--dataset", "./nowhere.csv"], ["--model", "./nowhere"]])
def test_a_dataset_or_model_that_is_refused_is_refused_before_ray_starts(
    tmp_path: Path, words: list[str]
) -> None:
    done = command("run", "embed", *words, cache=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("There is no ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "drivers").exists()


def test_an_engine_that_cannot_take_the_model_is_refused_before_ray_starts(tmp_path: Path) -> None:
    static = tmp_path / "static"
    static.mkdir()
    kind = "sentence_transformers.models.StaticEmbedding"
    (static / "modules.json").write_text(json.dumps([{"path": "", "type": kind}]))
    (static / "tokenizer.json").write_text("{}")
    (static / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    words = ["--model", str(static), "--engine", "TorchEmbedder"]
    done = command("run", "embed", *words, cache=tmp_path / "cache")
    assert done.returncode == 2
    assert done.stderr.startswith("The fast engines take no model of StaticEmbedding. Choose ")
    assert not (tmp_path / "cache" / "drivers").exists()


def cache_of(member: psutil.Process) -> str | None:
    try:
        return member.environ().get("DEMO_CACHE")
    except psutil.Error:  # it has ended, or is another user's
        return None


def test_npm_start_passes_on_options_that_serve_has() -> None:
    program = (
        "import { FOR_SERVER } from './scripts/setup/options.mjs'\n"
        "console.log(JSON.stringify(FOR_SERVER))"
    )
    node = ["node", "--input-type=module", "-e", program]
    done = subprocess.run(node, cwd=ROOT, capture_output=True, text=True, check=True)
    declared = {
        field.name.replace("_", "-")
        for group in (SourceOptions, ServeOptions)
        for field in dataclasses.fields(group)
    }
    assert set(json.loads(done.stdout)) <= declared
    source = {field.name.replace("_", "-") for field in dataclasses.fields(SourceOptions)}
    assert source <= set(json.loads(done.stdout))
