"""Worker processes that stand ready, their libraries imported, before an actor asks for one.

Ray starts a process when an actor needs one, 0.9 s, and the actor then imports its libraries, 5 s
for sentence-transformers. But Ray gives an actor a process that stands idle, if one was started
with the same runtime environment and has done no task yet. So a standby asks for such processes
ahead of time, in an environment that names what they shall have imported; tasks, which have no
such environment, leave them alone.

They belong to no job until an actor takes one: a driver that ends, as one does that is cancelled,
leaves them to the next. What they have imported is the code of that moment, so the environment
names its version too, and those of another version are ended.

Asks the raylet by a call that Ray has for itself, `PrestartWorkers`: Ray is pinned exactly, and
`tests/ray_internals/test_prestart.py` fails when it changes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import psutil

from demo_server.protocol.errors import PrestartError
from demo_server.ray_internals.worker_environment import CODE, MODULES
from demo_server.ray_internals.worker_processes import worker_processes
from demo_server.system.code_version import code_version

# Until the head goes.
KEEP_S = 7 * 24 * 3600
TIMEOUT_S = 10.0


def version() -> str:
    """Return a name of the code as it is now."""
    return hashlib.sha256(repr(code_version()).encode()).hexdigest()[:16]


VERSION = version()  # of what this process has imported


def runtime_env(modules: Sequence[str]) -> dict[str, Any]:
    """Return the environment of workers that have imported `modules`, in this order."""
    return {"env_vars": {MODULES: ",".join(modules), CODE: VERSION}}


def standing(raylet: psutil.Process) -> dict[tuple[str, ...], int]:
    """Count the workers that stand ready or import for it, by their modules.

    Ends those that have imported other code than this process has.
    """
    found: Counter[tuple[str, ...]] = Counter()
    for worker in worker_processes(raylet):
        try:
            if not worker.stands_ready:
                continue
            if worker.environ.get(CODE) != VERSION:
                worker.process.terminate()
            elif not worker.forks:
                found[tuple(worker.environ[MODULES].split(","))] += 1
        except psutil.Error:  # it has just ended
            continue
    return found


def prestart(modules: Sequence[str], workers: int) -> None:
    """Have this node start `workers` more processes that import `modules`; no waiting.

    Raises:
        PrestartError: Ray would not.
    """
    import grpc
    import ray
    from ray._private.authentication.grpc_authentication_client_interceptor import (
        SyncAuthenticationMetadataClientInterceptor,
    )
    from ray._private.utils import get_runtime_env_info, parse_runtime_env_for_task_or_actor

    # Generated when they are imported, so no type checker finds anything in them.
    common: Any = import_module("ray.core.generated.common_pb2")
    messages: Any = import_module("ray.core.generated.node_manager_pb2")
    service: Any = import_module("ray.core.generated.node_manager_pb2_grpc")

    context = ray.get_runtime_context()
    info = get_runtime_env_info(parse_runtime_env_for_task_or_actor(runtime_env(modules)))
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    here = next(node for node in nodes if node["NodeID"] == context.get_node_id())
    address = f"{here['NodeManagerAddress']}:{here['NodeManagerPort']}"
    request = messages.PrestartWorkersRequest(
        language=common.PYTHON,
        runtime_env_info=info,
        keep_alive_duration_secs=KEEP_S,
        num_workers=workers,
    )
    try:
        # A raylet is never behind the proxy that the environment may name.
        with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
            trusted = grpc.intercept_channel(channel, SyncAuthenticationMetadataClientInterceptor())
            stub = service.NodeManagerServiceStub(trusted)
            stub.PrestartWorkers(request, timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        raise PrestartError(f"Ray starts no worker ahead of time: {error}") from error
