"""What stands in for the dashboard's agent."""

from __future__ import annotations

from pathlib import Path

from demo_server.ray_internals.no_agent import PORTS, report_no_ports


def test_the_raylet_is_told_that_nothing_is_served(tmp_path: Path) -> None:
    words = ["no_agent.py", "--unbuffered", f"--session-dir={tmp_path}", "--node-id=abc"]
    report_no_ports(words)
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {f"{port}_abc": "-1" for port in PORTS}
