"""The connection of a driver to its Ray cluster."""

from __future__ import annotations

import logging
import os
import re
import socket
from typing import Any

import ray

from demo_server.protocol.errors import ClusterError
from demo_server.system.checkout import PACKAGE

KNOCK_S = 5.0


def connect(address: str, *, own_head: bool) -> None:
    """Connect this process as one job.

    Args:
        address: host:port of the head.
        own_head: it is the head that our server started: it runs on this machine, with this
            interpreter. On any other cluster our code travels with the job.

    Raises:
        ClusterError: nothing answers, the token is wrong, or versions differ.
    """
    knock(address)
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    runtime_env: dict[str, Any] = {} if own_head else {"py_modules": [str(PACKAGE)]}
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.WARNING,
            configure_logging=False,
            runtime_env=runtime_env or None,
        )
    except (RuntimeError, ConnectionError, ValueError) as error:
        if "Version mismatch" in str(error):
            raise ClusterError(mismatch(str(error))) from error
        raise ClusterError(
            f"What answers at {address} doesn't let us in: {first_line(error)}. Check that it is "
            "the port of a Ray head (6379 by default), and the token (RAY_AUTH_TOKEN or "
            "RAY_AUTH_TOKEN_PATH)."
        ) from error


def knock(address: str) -> None:
    """See whether anything listens: Ray itself tries for a minute, then ends the process.

    Raises:
        ClusterError: nothing does, or the address is none.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(f"--ray-address must be host:port, not {address!r}.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"No Ray cluster answers at {address}: {first_line(error)}. "
            "Check --ray-address, or leave it out to have a local one started."
        ) from error


def cluster_resources() -> dict[str, float]:
    """Return what the nodes of the cluster have together, e.g. `CPU` and `object_store_memory`."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources


def available_resources() -> dict[str, float]:
    """Return what of it is free now."""
    resources: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    return resources


def mismatch(text: str) -> str:
    """Return which versions differ, from Ray's message: first the cluster's pair, then ours."""
    found = re.findall(r"(Ray|Python): (\S+)", text)
    cluster, ours = dict(found[:2]), dict(found[2:4])
    differing = [name for name in cluster if cluster[name] != ours.get(name)]
    pairs = ", ".join(
        f"{name} {cluster[name]} there and {ours.get(name, 'none')} here" for name in differing
    )
    return (
        f"The cluster runs other versions than this machine: {pairs or first_line(text)}. "
        f"Install the same {' and '.join(differing) or 'versions'} on both."
    )


def first_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
