"""Errors of ours on their way between processes."""

from __future__ import annotations

import pickle

import pytest

from demo_server.driver.observe.stall import StalledError
from demo_server.embedding.transformer import EngineError
from demo_server.protocol.errors import InputError, Refusal, UnrecordedError
from demo_server.protocol.frames import ErrorCode
from demo_server.system.demo_error import DemoError


@pytest.mark.parametrize(
    "error",
    [
        InputError("dataset", "There is no such file.", "Check the path."),
        EngineError("The engine can't take it."),
        StalledError("It made no progress.", remedy="Lower num_cpus."),
        Refusal(ErrorCode.QUEUE_FULL, "The queue is full.", "rows", {"rows": 3}),
        UnrecordedError("r1", "no space left"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_reaches_another_process_whole(error: DemoError) -> None:
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is type(error)
    assert (str(arrived), vars(arrived)) == (str(error), vars(error))
