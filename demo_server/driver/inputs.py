"""`python -m demo_server.driver.inputs INPUTS`: whether data and model load without a network.

Loads both, named by `Inputs` as JSON, as a run would, while connections to other machines are
refused, and prints the findings as one line of JSON.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

# Before anything of Hugging Face is imported: a lookup would otherwise wait for its time-outs.
os.environ["HF_HUB_OFFLINE"] = "1"

from demo_server.data import source
from demo_server.embedding import model
from demo_server.protocol.errors import InputError
from demo_server.protocol.findings import Finding, Findings
from demo_server.system.settings import Inputs


def main(words: Sequence[str]) -> None:
    inputs = Inputs.model_validate_json(*words)
    refused = close_network()
    findings = [
        found("data", lambda: data(inputs.dataset, inputs.text_column)),
        found("model", lambda: embedder(inputs.model)),
    ]
    findings.append(offline(refused, all(finding.ok for finding in findings)))
    sys.stdout.buffer.write(Findings(findings=findings).model_dump_json().encode() + b"\n")


def found(name: str, check: Callable[[], str]) -> Finding:
    """Return what `check` reports, or why it failed."""
    try:
        return Finding(name=name, ok=True, message=check())
    except InputError as error:
        return Finding(name=name, ok=False, message=error.message, remedy=error.remedy)
    except Exception as error:  # a library's own error: reported as it is
        message = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return Finding(name=name, ok=False, message=message, remedy="Fix that, or choose another.")


def data(spec: str | None, text_column: str | None) -> str:
    """Load the dataset and read its first and last text."""
    chosen = source.resolve(spec, text_column)
    dataset = chosen.load()
    for row in (0, len(dataset) - 1):
        dataset[row][chosen.text_column]
    return f"{len(dataset):,} rows of {chosen.title}, column {chosen.text_column}."


def embedder(spec: str | None) -> str:
    """Load the model and embed one text."""
    from sentence_transformers import SentenceTransformer

    resolved = model.resolve(spec)
    vectors = SentenceTransformer(resolved.path).encode(["It works."])
    return f"{resolved.title}, {vectors.shape[1]} numbers a text, from the {resolved.origin}."


def offline(refused: list[str], both_loaded: bool) -> Finding:
    """Return whether data and model were loaded without a request to another machine."""
    if refused:
        return Finding(
            name="offline",
            ok=False,
            message=f"Loading tried to reach {', '.join(sorted(set(refused)))}.",
            remedy="Without a network that waits for a timeout: use a directory or file instead.",
        )
    if not both_loaded:
        return Finding(
            name="offline",
            ok=False,
            message="Data or model could not be loaded without a network.",
            remedy="Run the talk once with a network: what it downloads stays.",
        )
    return Finding(name="offline", ok=True, message="Data and model were loaded with no network.")


def close_network() -> list[str]:
    """Refuse connections to other machines; return the list of hosts that were refused."""
    refused: list[str] = []
    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

    def refuse_connect(self: Any, address: Any) -> None:
        if isinstance(address, tuple) and not is_loopback(address[0]):
            refused.append(str(address[0]))
            raise OSError(f"no network: {address[0]}")
        connect(self, address)

    def refuse_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and not is_loopback(host):
            refused.append(host.decode() if isinstance(host, bytes) else str(host))
            raise socket.gaierror(socket.EAI_NONAME, f"no network: {host}")
        return getaddrinfo(host, *args, **kwargs)

    socket.socket.connect = refuse_connect  # type: ignore[method-assign]
    socket.getaddrinfo = refuse_getaddrinfo
    return refused


def is_loopback(host: str | bytes) -> bool:
    """Return whether a name or address is this machine's loopback."""
    name = host.decode() if isinstance(host, bytes) else host
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name in ("localhost", "")


if __name__ == "__main__":
    main(sys.argv[1:])
