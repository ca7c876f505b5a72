"""`python -m demo_server.driver.inputs`: whether data and model are there, with no network.

Loads both as a run would, while every way to another machine is closed, and prints the findings as
one line of JSON.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

# Before anything of Hugging Face is imported: a lookup would otherwise wait for its time-outs.
os.environ["HF_HUB_OFFLINE"] = "1"

from demo_server.data import source
from demo_server.embedding import model
from demo_server.protocol.errors import InputError
from demo_server.protocol.findings import Finding, Findings


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m demo_server.driver.inputs", description=__doc__
    )
    parser.add_argument("--dataset", help="hub id, directory or file; the bundled one if left out")
    parser.add_argument("--text-column", help="the column to embed, where it can't be told")
    parser.add_argument("--model", help="hub id or directory")
    args = parser.parse_args()
    asked = close_network()
    findings = [
        found("data", lambda: data(args.dataset or None, args.text_column)),
        found("model", lambda: embedder(args.model or None)),
    ]
    findings.append(offline(asked, all(finding.ok for finding in findings)))
    sys.stdout.write(Findings(findings=findings).model_dump_json() + "\n")


def found(name: str, look: Callable[[], str]) -> Finding:
    """Look at something, and say what it is or why it can't be used."""
    try:
        return Finding(name=name, ok=True, says=look())
    except InputError as error:
        return Finding(name=name, ok=False, says=error.message, remedy=error.remedy)
    except Exception as error:  # a library's own error: said as it is
        says = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return Finding(name=name, ok=False, says=says, remedy="Mend that, or choose another.")


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


def offline(asked: list[str], both: bool) -> Finding:
    """Say whether data and model were loaded without a word to another machine."""
    if asked:
        return Finding(
            name="offline",
            ok=False,
            says=f"Loading asked for {', '.join(sorted(set(asked)))}.",
            remedy="On stage that waits for a time-out: give a directory or file instead.",
        )
    if not both:
        return Finding(
            name="offline",
            ok=False,
            says="Without a network, data or model could not be loaded.",
            remedy="Run the talk once with a network: what it downloads stays.",
        )
    return Finding(name="offline", ok=True, says="Data and model were loaded with no network.")


def close_network() -> list[str]:
    """Refuse every connection but to this machine; return the list of hosts asked for."""
    asked: list[str] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def refused_connect(self: Any, address: Any) -> None:
        if isinstance(address, tuple) and not is_here(address[0]):
            asked.append(str(address[0]))
            raise OSError(f"no network: {address[0]}")
        connect(self, address)

    def refused_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and not is_here(host):
            asked.append(host.decode() if isinstance(host, bytes) else str(host))
            raise socket.gaierror(socket.EAI_NONAME, f"no network: {host}")
        return look_up(host, *args, **kwargs)

    socket.socket.connect = refused_connect  # type: ignore[method-assign]
    socket.getaddrinfo = refused_look_up
    return asked


def is_here(host: str | bytes) -> bool:
    """Tell whether a name or address is this machine's own loopback."""
    name = host.decode() if isinstance(host, bytes) else host
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name in ("localhost", "")


if __name__ == "__main__":
    main()
