"""What a command was told, by flags and by the environment, checked."""

from __future__ import annotations

import argparse
import re
import secrets
from pathlib import Path
from typing import NoReturn

from demo_server.system import environment
from demo_server.system.addresses import EVERYWHERE, LOOPBACK, PublicUrl, is_loopback
from demo_server.system.checkout import ROOT
from demo_server.system.settings import DEFAULT_PORT, Inputs, Settings, SettingsError

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]+")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message}. `{self.prog} --help` lists the options.")


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which data, which model, which Ray."""
    parser.add_argument(
        "--dataset",
        metavar="SPEC",
        help="hub id (user/name:config:split), dataset directory, or a Parquet, CSV, JSON Lines "
        "or text file (default: the bundled WordNet glosses)",
    )
    parser.add_argument("--text-column", metavar="C", help="the column to embed")
    parser.add_argument(
        "--model", metavar="M", help="hub id or directory (default: all-MiniLM-L6-v2)"
    )
    parser.add_argument(
        "--ray-address", metavar="A", help="use this Ray cluster, e.g. 10.0.0.5:6379"
    )


def add_serve_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `serve`."""
    add_source_options(parser)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one")
    parser.add_argument(
        "--host", help=f"address to listen on (default: {LOOPBACK}; with --share {EVERYWHERE})"
    )
    parser.add_argument(
        "--share",
        action="store_true",
        help="let the local network in: the audience follows on its phones as viewers",
    )
    parser.add_argument(
        "--public-url",
        metavar="URL",
        help="the audience's address where something forwards it here: a tunnel, a hotspot",
    )
    parser.add_argument(
        "--dist", metavar="DIRECTORY", type=Path, default=ROOT / "dist", help="the built deck"
    )
    parser.add_argument(
        "--allow-host",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help="also answer to this name (repeatable)",
    )
    parser.add_argument(
        "--allow-origin",
        metavar="URL",
        action="append",
        default=[],
        help="also take requests from pages of this origin (repeatable)",
    )
    parser.add_argument(
        "--runs-mib",
        metavar="MIB",
        type=int,
        default=2048,
        help="disk for logs and results of past runs; the oldest go first",
    )
    parser.add_argument(
        "--recorded",
        action="store_true",
        help="start no Ray: the slides play their recordings",
    )
    parser.add_argument(
        "--stop-on-stdin-close",
        action="store_true",
        help="end when standard input closes, that is, with the process that holds it",
    )


def source_settings(args: argparse.Namespace, port: int = DEFAULT_PORT) -> Settings:
    """Return the settings of a command without a server.

    Raises:
        SettingsError: a value cannot be used.
    """
    for flag in ("dataset", "model"):
        given: str | None = getattr(args, flag)
        if given is not None and not given.strip():
            raise SettingsError(f"--{flag} is empty. Leave it out for the default.")
    environment.stall_s()  # the drivers read it
    return Settings(
        cache=environment.cache_directory(),
        inputs=Inputs(dataset=args.dataset, text_column=args.text_column, model=args.model),
        ray_address=_ray_address(args.ray_address),
        port=_port(port),
    )


def serve_settings(args: argparse.Namespace) -> Settings:
    """Return the settings of `serve`.

    Raises:
        SettingsError: a value cannot be used.
    """
    source = source_settings(args, args.port)
    if args.runs_mib < 1:
        raise SettingsError(f"--runs-mib must be at least 1, not {args.runs_mib}.")
    for origin in args.allow_origin:
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"--allow-origin {origin!r} is no origin. Write it like http://localhost:3030."
            )
    for host in args.allow_host:
        if not _HOST.fullmatch(host):
            raise SettingsError(f"--allow-host {host!r} is no host. Write it like deck.local:8000.")
    if args.share and args.host is not None and is_loopback(args.host):
        raise SettingsError(
            f"--share lets the local network in, but --host {args.host} keeps it out. Leave out "
            "one of them."
        )
    token = environment.presenter_token()
    return Settings(
        cache=source.cache,
        inputs=source.inputs,
        ray_address=source.ray_address,
        host=args.host or (EVERYWHERE if args.share else LOOPBACK),
        port=source.port,
        dist=args.dist.absolute(),
        allow_hosts=tuple(args.allow_host),
        allow_origins=tuple(args.allow_origin),
        share=args.share,
        public_url=_public_url(args.public_url),
        runs_bytes=args.runs_mib * 1024**2,
        recorded=args.recorded,
        stop_on_stdin_close=args.stop_on_stdin_close,
        token=token or secrets.token_urlsafe(24),
        pairing_code=environment.pairing_code(),
    )


def _port(number: int) -> int:
    if 0 <= number <= 65535:
        return number
    raise SettingsError(f"--port must be from 0 to 65535, not {number}.")


def _public_url(text: str | None) -> PublicUrl | None:
    try:
        return None if text is None else PublicUrl.parse(text)
    except ValueError as error:
        raise SettingsError(
            f"--public-url {text!r} {error}. Write it like https://talk.example.org."
        ) from None


def _ray_address(address: str | None) -> str | None:
    if address is None or re.fullmatch(r"[A-Za-z0-9.\-\[\]:]+:\d{1,5}", address):
        return address
    raise SettingsError(
        f"--ray-address {address!r} is no address. Write it as host:port, e.g. 10.0.0.5:6379."
    )
