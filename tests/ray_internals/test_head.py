"""What our head changes in `ray start`."""

from __future__ import annotations

import inspect

import psutil

from demo_server.ray_internals import head
from tests.ray_internals.private_names import private
from tests.support.ray_cluster import RayCluster

OURS = "demo_server/ray_internals/head.py"
CHANGED = f"`ray start` works otherwise: look at {OURS}."


def test_ray_calls_what_takes_the_place_of_its_own_functions_with_these_arguments() -> None:
    clients = private("ray.scripts.scripts.get_ray_client_dependency_error", OURS)
    assert inspect.signature(clients).parameters.keys() == set(), CHANGED
    dashboard = inspect.signature(private("ray._private.node.Node.start_api_server", OURS))
    assert list(dashboard.parameters) == ["self", "include_dashboard", "raise_on_failure"], CHANGED
    head.no_dashboard(None, include_dashboard=True, raise_on_failure=True)
    build = "_build_python_executable_command_memory_profileable"
    command = inspect.signature(private(f"ray._private.services.{build}", OURS))
    assert next(iter(command.parameters)) == "component", CHANGED
    logger = inspect.signature(private("ray.scripts.scripts.setup_process_exit_logger", OURS))
    assert next(iter(logger.parameters)) == "process_exit_log_path", CHANGED
    parameters = inspect.signature(private("ray._private.parameter.RayParams", OURS)).parameters
    assert "setup_worker_path" in parameters, CHANGED


def test_a_head_has_neither_a_dashboard_nor_a_server_for_clients(ray_head: RayCluster) -> None:
    started = psutil.Process(ray_head.nodes[0].child.pid).children(recursive=True)
    commands = [" ".join(one.cmdline()) for one in started]
    assert any("gcs_server" in command for command in commands), CHANGED
    for server in ("ray/dashboard/dashboard.py", "ray.util.client.server"):
        assert not any(server in command for command in commands), CHANGED
