"""Whether a driver may do another run after one that has succeeded."""

from __future__ import annotations

from typing import Any

import pytest

from demo_server.driver import run_loop
from demo_server.driver.run_loop import RunLoop


class Unchanged:
    """A process that a run has left as it was."""

    def changes(self) -> list[str]:
        return []


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> RunLoop:
    monkeypatch.setattr(run_loop.ray, "is_initialized", lambda: True)
    monkeypatch.setattr(run_loop, "ACTORS_END_S", 0.0)
    unused: Any = None
    before: Any = Unchanged()
    return RunLoop(unused, unused, "m", "cpu", True, unused, unused, unused, before)


def test_a_run_that_leaves_nothing_behind_lets_its_driver_do_another(
    session: RunLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_loop, "actors", list)
    assert session._is_unharmed(None)


def test_an_actor_that_goes_on_keeps_its_driver_from_another_run(
    session: RunLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_loop, "actors", lambda: ["an actor"])
    assert not session._is_unharmed(None)


def test_a_ray_that_has_gone_costs_no_result(
    session: RunLoop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(run_loop, "actors", fail)
    assert not session._is_unharmed(None)
    assert "nobody answers" in capsys.readouterr().err
