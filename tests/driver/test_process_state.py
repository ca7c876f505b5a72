"""What of its process a run has changed, so that no other run may be done in it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import datasets
import pytest
from ray.data import DataContext, Dataset

from demo_server.driver import process_state
from demo_server.driver.process_state import ProcessState
from demo_server.toolkit import failure


def state_before() -> ProcessState:
    """Within the test: pytest changes the environment between a fixture and a test."""
    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        DataContext.get_current()  # Ray warns of its own settings where they are made
    return ProcessState.now()


def test_a_run_that_leaves_all_as_it_was_has_changed_nothing() -> None:
    before = state_before()
    assert before.changes() == []


def test_a_further_import_is_not_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    before = state_before()
    monkeypatch.setattr(failure, "added", lambda: None, raising=False)
    assert before.changes() == []


def test_an_environment_variable_is_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    before = state_before()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert before.changes() == ["environment variables"]


def test_another_directory_is_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state_before()
    monkeypatch.chdir(tmp_path)
    assert os.getcwd() != before.directory
    assert before.changes() == ["the directory"]


def test_a_setting_of_ray_data_is_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    before = state_before()
    monkeypatch.setattr(DataContext.get_current(), "target_max_block_size", 12345)
    assert before.changes() == ["Ray Data's settings"]


def test_a_function_or_method_of_a_library_that_was_replaced_is_a_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = state_before()
    monkeypatch.setattr(failure, "clean", str)
    monkeypatch.setattr(datasets, "load_dataset", lambda: None)
    monkeypatch.setattr(Dataset, "materialize", lambda self: self)
    assert sorted(before.changes()) == ["clean", "load_dataset", "materialize"]


def test_a_thread_of_the_run_that_goes_on_is_a_change() -> None:
    before = state_before()
    end = threading.Event()

    def wait() -> None:
        end.wait()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert before.changes() == ["threads"]
    end.set()
    thread.join()
    assert before.changes() == []


def test_a_process_that_goes_on_is_a_change() -> None:
    before = state_before()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert before.changes() == ["processes"]
        assert child.stdin
        child.stdin.close()
    assert before.changes() == []


def test_what_can_not_be_compared_counts_as_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state_before()
    monkeypatch.setattr(DataContext.get_current(), "target_max_block_size", threading.Lock())
    [change] = before.changes()
    assert "pickle" in change


def test_much_more_memory_is_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    before = state_before()
    monkeypatch.setattr(process_state, "GROWTH_BYTES", -1 << 40)
    assert before.changes() == ["memory"]
