"""The options of the commands, each declared once, and the settings made of them."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from demo_server.protocol.driver_messages import Description
from demo_server.system import environment
from demo_server.system.addresses import EVERYWHERE, LOOPBACK, PublicUrl, is_loopback
from demo_server.system.checkout import ROOT
from demo_server.system.demo_error import SettingsError
from demo_server.system.settings import DEFAULT_PORT, Inputs, Settings

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]+")
_RAY_ADDRESS = re.compile(r"[A-Za-z0-9.\-\[\]:]+:\d{1,5}")

Port = Annotated[int, typer.Option(min=0, max=65535, help="the deck's port; 0 takes a free one")]


@dataclass(frozen=True)
class SourceOptions:
    """Which data, which model, which Ray: options of every command that runs something."""

    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="hub id (user/name:config:split), dataset directory, or a Parquet, CSV, JSON "
            "Lines or text file (default: the bundled WordNet glosses)",
        ),
    ] = None
    text_column: Annotated[str | None, typer.Option(metavar="NAME", help="the column to embed")] = (
        None
    )
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="hub id or directory (default: all-MiniLM-L6-v2)"),
    ] = None
    ray_address: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="use this Ray cluster, e.g. 10.0.0.5:6379"),
    ] = None

    def settings(self, port: int = DEFAULT_PORT) -> Settings:
        """Return the settings of a command without a server.

        Raises:
            SettingsError: an option or a variable cannot be used.
        """
        for flag in ("dataset", "model"):
            given: str | None = getattr(self, flag)
            if given is not None and not given.strip():
                raise SettingsError(f"--{flag} is empty. Leave it out for the default.")
        if self.ray_address is not None and not _RAY_ADDRESS.fullmatch(self.ray_address):
            raise SettingsError(
                f"--ray-address {self.ray_address!r} is not a valid address. Write it as "
                "host:port, e.g. 10.0.0.5:6379."
            )
        environment.stall_s()  # the drivers read it
        return Settings(
            cache=environment.cache_directory(),
            inputs=Inputs(dataset=self.dataset, text_column=self.text_column, model=self.model),
            ray_address=self.ray_address,
            port=port,
        )


@dataclass(frozen=True)
class ServeOptions:
    """The options of `demo-server serve`, in addition to the source's."""

    port: Port = DEFAULT_PORT
    host: Annotated[
        str | None,
        typer.Option(help=f"address to listen on (default: {LOOPBACK}; with --share {EVERYWHERE})"),
    ] = None
    share: Annotated[
        bool,
        typer.Option(
            "--share", help="accept the local network: the audience follows on phones as viewers"
        ),
    ] = False
    public_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="the audience's address, where a tunnel or a hotspot forwards it to this machine",
        ),
    ] = None
    dist: Annotated[Path, typer.Option(metavar="DIRECTORY", help="the built deck")] = ROOT / "dist"
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST[:PORT]", help="also accept this Host header (repeatable)"),
    ] = None
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL", help="also accept requests from pages of this origin (repeatable)"
        ),
    ] = None
    runs_mib: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="MIB",
            help="disk for logs and results of past runs; the oldest are deleted first",
        ),
    ] = 2048
    recorded: Annotated[
        bool, typer.Option("--recorded", help="start no Ray: the slides play their recordings")
    ] = False
    stop_on_stdin_close: Annotated[
        bool,
        typer.Option(
            "--stop-on-stdin-close", help="end when standard input closes: with its parent process"
        ),
    ] = False

    def settings(self, source: SourceOptions) -> Settings:
        """Return the settings of a server.

        Raises:
            SettingsError: an option or a variable cannot be used.
        """
        for origin in self.allow_origin or ():
            if not _ORIGIN.fullmatch(origin):
                raise SettingsError(
                    f"--allow-origin {origin!r} is not a valid origin. Write it like "
                    "http://localhost:3030."
                )
        for host in self.allow_host or ():
            if not _HOST.fullmatch(host):
                raise SettingsError(
                    f"--allow-host {host!r} is not a valid host. Write it like deck.local:8000."
                )
        if self.share and self.host is not None and is_loopback(self.host):
            raise SettingsError(
                f"--share accepts the local network, but --host {self.host} keeps it out. Leave "
                "out one of them."
            )
        return dataclasses.replace(
            source.settings(self.port),
            host=self.host or (EVERYWHERE if self.share else LOOPBACK),
            dist=self.dist.absolute(),
            allow_hosts=tuple(self.allow_host or ()),
            allow_origins=tuple(self.allow_origin or ()),
            share=self.share,
            public_url=_public_url(self.public_url),
            runs_bytes=self.runs_mib * 1024**2,
            recorded=self.recorded,
            stop_on_stdin_close=self.stop_on_stdin_close,
            token=environment.presenter_token() or secrets.token_urlsafe(24),
            pairing_code=environment.pairing_code(),
        )


def _public_url(text: str | None) -> PublicUrl | None:
    try:
        return None if text is None else PublicUrl.parse(text)
    except ValueError as error:
        raise SettingsError(
            f"--public-url {text!r} {error}. Write it like https://talk.example.org."
        ) from None


def experiment_options(description: Description) -> type:
    """Return a class with an option for each parameter of an experiment, made from its schema.

    An option that isn't given is None.
    """
    kinds: dict[str, type] = {"integer": int, "number": float, "boolean": bool}
    fields: list[tuple[str, Any, Any]] = []
    for name, schema in description.schema_.get("properties", {}).items():
        kind = kinds.get(schema.get("type", ""), str)
        default = description.defaults.get(name)
        words = f"{schema.get('description', name)} (default: {default})"
        option = typer.Option(help=words, metavar=None if kind is bool else kind.__name__)
        fields.append((name, Annotated[kind | None, option], None))
    return dataclasses.make_dataclass("ExperimentOptions", fields, frozen=True)


def with_options(**groups: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command whose parameters named here take a dataclass of options each.

    Each field becomes an option of the command.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def call(**values: Any) -> Any:
            for name, group in groups.items():
                names = [field.name for field in dataclasses.fields(group)]
                values[name] = group(**{field: values.pop(field) for field in names})
            return command(**values)

        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [one for one in own if one.name not in groups]
        for group in groups.values():
            hints = get_type_hints(group, include_extras=True)
            parameters += [
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=field.default,
                    annotation=hints[field.name],
                )
                for field in dataclasses.fields(group)
            ]
        keywords = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
        call.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
        return call

    return decorate


def new_app(**settings: Any) -> typer.Typer:
    """Return an app with plain help and our own error messages."""
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        **settings,
    )


def invoke(app: typer.Typer, prog: str, words: Sequence[str]) -> Any:
    """Parse `words`, call the command that they name, and return its result.

    Raises:
        SettingsError: the words cannot be used.
    """
    try:
        return typer.main.get_command(app).main(words, prog_name=prog, standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else prog
        message = error.format_message().rstrip(".")
        raise SettingsError(f"{message}. `{path} --help` lists the options.") from error


def parse_known_source(words: Sequence[str]) -> SourceOptions:
    """Return the source's options among `words`; others are ignored.

    Raises:
        SettingsError: an option has no value.
    """
    app = new_app(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    app.command(add_help_option=False)(with_options(source=SourceOptions)(lambda source: source))
    found: SourceOptions = invoke(app, "demo-server", words)
    return found
