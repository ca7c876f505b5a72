"""The other nodes of the user's cluster, and which of them no longer answer.

Ray notices the death of a node by its own health check, ten seconds after it or more. A connection
to the node's raylet is refused at once.
"""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import ray

ANSWER_S = 1.0
AT_ONCE = 16


@dataclass(frozen=True)
class Node:
    """A raylet that workers run under."""

    id: str
    address: str
    port: int


def other_nodes() -> list[Node]:
    """Return the nodes that Ray holds for alive, without the driver's own."""
    here = ray.get_runtime_context().get_node_id()
    rows: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [
        Node(row["NodeID"], row["NodeManagerAddress"], row["NodeManagerPort"])
        for row in rows
        if row["Alive"] and row["NodeID"] != here
    ]


def answers(node: Node) -> bool:
    """Return whether a node accepts a connection."""
    try:
        socket.create_connection((node.address, node.port), ANSWER_S).close()
    except OSError:
        return False
    return True


class Nodes:
    """Remembers which nodes answered; one that never did may be one that we cannot reach."""

    def __init__(self) -> None:
        self._answered = set[Node]()

    def fallen_silent(self, nodes: list[Node]) -> list[Node]:
        """Ask each node; return those that answered the last time and don't now."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            does = pool.map(answers, nodes)
            answered = {node for node, answer in zip(nodes, does, strict=True) if answer}
        silent = [node for node in nodes if node in self._answered - answered]
        self._answered = answered
        return silent
