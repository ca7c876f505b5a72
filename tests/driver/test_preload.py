"""What a worker imports before it is given anything to do leaves the CPUs to a run."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from demo_server.driver.preload import NICE, at_low_priority


def own_priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives a thread its own priority")
def test_work_at_low_priority_leaves_the_rest_of_the_process_as_it_was() -> None:
    before, seen = own_priority(), []
    at_low_priority(lambda: seen.append(own_priority()))
    assert seen == [NICE]
    assert own_priority() == before < NICE


def test_an_error_at_low_priority_reaches_the_caller() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        at_low_priority(lambda: __import__("no_such_module"))
