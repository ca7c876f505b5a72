"""Exceptions as a slide shows them."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.exceptions import RayTaskError

from demo_server.embedding.transformer import REMEDY, EngineError
from demo_server.protocol.errors import InputError
from demo_server.system.demo_error import DemoError
from demo_server.toolkit.failure import MAX_MESSAGE, clean, explain, user_exception

WRAPPED = """\x1b[36mray::MapWorker(MapBatches(C)).submit()\x1b[39m (pid=1, ip=127.0.0.1)
  File "/home/someone/lib/concurrent/futures/thread.py", line 58, in run
    result = self.fn(*self.args, **self.kwargs)
             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/home/someone/talk/embed.py", line 10, in __call__
    def __call__(self, b): raise ValueError("first")
                           ^^^^^^^^^^^^^^^^^^^^^^^^^
some.package.OddError: first
second at /home/someone/secret/place.txt

The above exception was the direct cause of the following exception:

\x1b[36mray::MapWorker(MapBatches(C)).submit()\x1b[39m (pid=1, ip=127.0.0.1)
ray.exceptions.UserCodeException: UDF failed to process a data block.
"""


def test_the_exception_of_user_code_is_extracted_from_rays() -> None:
    failure = explain(RuntimeError(WRAPPED))
    assert failure.exception == "OddError"
    assert failure.message == "first\nsecond at place.txt"
    assert failure.cause is not None
    assert failure.cause.startswith("embed.py, line 10, in __call__")


def test_text_without_a_traceback_has_no_user_exception() -> None:
    assert user_exception("ValueError: no traceback here") is None


def test_an_exception_of_the_driver_itself_keeps_its_class_and_message() -> None:
    failure = explain(KeyError("label"), expected=True)
    assert (failure.exception, failure.message) == ("KeyError", "'label'")
    assert failure.expected


def test_an_input_error_has_its_own_remedy() -> None:
    failure = explain(InputError("dataset", "There is no such file.", "Check the path."))
    assert (failure.message, failure.remedy) == ("There is no such file.", "Check the path.")


def test_an_error_of_ours_keeps_its_remedy_through_a_task_of_ray() -> None:
    raised = RayTaskError("read", WRAPPED, EngineError("The engine can't take it."))
    arrived = pickle.loads(pickle.dumps(raised)).as_instanceof_cause()
    failure = explain(arrived)
    assert (failure.exception, failure.message) == ("EngineError", "The engine can't take it.")
    assert failure.remedy == REMEDY


def test_no_remedy_is_guessed_from_the_words_of_an_error_of_ours() -> None:
    assert explain(DemoError("The object store is full: out of memory.")).remedy is None


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (MemoryError(), "batch_size"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "batch_size"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "batch_size"),
        (TimeoutError("Dataset execution made no progress for at least 1800s"), "num_cpus"),
        (ModuleNotFoundError("No module named 'x'"), "Install"),
        (FileNotFoundError("model"), "every node"),
    ],
)
def test_known_failures_say_what_to_do(error: Exception, word: str) -> None:
    failure = explain(error)
    assert failure.remedy is not None
    assert word in failure.remedy
    assert failure.message


def test_secrets_paths_and_colours_do_not_reach_a_slide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "s3cret-token")
    text = clean("\x1b[31mno\x1b[0m: s3cret-token in '/home/someone/talk/.cache/runs/a.parquet'")
    assert text == "no: … in 'a.parquet'"


@given(st.text(max_size=2000))
def test_cleaning_is_done_once_and_for_all(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) <= MAX_MESSAGE
    assert clean(cleaned) == cleaned
