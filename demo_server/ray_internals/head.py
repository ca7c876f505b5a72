"""`python -m demo_server.ray_internals.head`: `ray start --head`, without two of its servers.

One is for Ray clients and also takes a fixed port; the other is the dashboard's, which runs with
`--include-dashboard False` too. Nobody here uses them, and each imports for a second while the
first run waits. What is patched is private to Ray, which is pinned exactly.
"""

from __future__ import annotations

from typing import Any

from ray._private.node import Node
from ray.scripts import scripts


def no_clients() -> ImportError:
    """Return what Ray does where gRPC is missing: then it serves no clients."""
    return ImportError("Ray clients are not served.")


def no_dashboard(node: Node, **options: Any) -> None:
    """Start nothing."""


def main() -> None:
    """Take the arguments of the command `ray`."""
    scripts.get_ray_client_dependency_error = no_clients  # type: ignore[attr-defined]
    Node.start_api_server = no_dashboard  # type: ignore[method-assign, assignment]
    scripts.main()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
