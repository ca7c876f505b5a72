"""The HTTP API against its own description: schemathesis asks what nobody would."""

from __future__ import annotations

from pathlib import Path

from tests.load.server_process import ServerProcess
from tests.support.ray_cluster import free_port

CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance"


async def test_no_request_of_the_described_api_makes_the_server_fail(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path / "cache", free_port()) as server:
        answer = await server.run_meanwhile(
            *["-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"],
            *[
                "--checks",
                CHECKS,
                "--phases",
                "coverage,fuzzing",
                "--max-examples",
                "20",
                "--seed",
                "7",
                "--request-timeout",  # a check loads data and model, each time
                "60",
                "--no-color",
            ],
            *["--header", f"Authorization: Bearer {server.token}"],
        )
    assert answer.returncode == 0, answer.stdout
    assert server.tracebacks() == 0
