"""What a command was told, by flags and by the environment, checked."""

from __future__ import annotations

import argparse
import os
import re
import secrets
from pathlib import Path
from typing import NoReturn

from demo_server.system.addresses import EVERYWHERE, LOOPBACK, PublicUrl, is_loopback
from demo_server.system.checkout import CACHE, ROOT
from demo_server.system.settings import DEFAULT_PORT, Settings

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]+")


class SettingsError(Exception):
    """A flag or variable that cannot be used: which one, and what it may be."""


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


def cache_directory() -> Path:
    """Return where state lives: `DEMO_CACHE`, else `.cache` of the checkout."""
    return Path(os.environ.get("DEMO_CACHE") or CACHE).absolute()


def source_settings(args: argparse.Namespace, port: int = DEFAULT_PORT) -> Settings:
    """Return the settings of a command without a server.

    Raises:
        SettingsError: a value cannot be used.
    """
    for flag in ("dataset", "model"):
        given: str | None = getattr(args, flag)
        if given is not None and not given.strip():
            raise SettingsError(f"--{flag} is empty. Leave it out for the default.")
    stall = os.environ.get("DEMO_STALL_S", "8")
    if not re.fullmatch(r"\d+(\.\d+)?", stall) or float(stall) < 1:
        raise SettingsError(f"DEMO_STALL_S must be a number of seconds from 1, not {stall!r}.")
    return Settings(
        cache=cache_directory(),
        dataset=args.dataset,
        text_column=args.text_column,
        model=args.model,
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
    token = os.environ.get("DEMO_TOKEN")
    if token is not None and len(token) < 8:
        raise SettingsError("DEMO_TOKEN must have at least 8 characters, or be unset.")
    return Settings(
        cache=source.cache,
        dataset=source.dataset,
        text_column=source.text_column,
        model=source.model,
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
        pairing_code=os.environ.get("DEMO_PAIRING_CODE") or None,
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
