"""A Hugging Face hub of a few repositories on 127.0.0.1, for `HF_ENDPOINT`.

It speaks what `huggingface_hub` and `datasets` ask when they read: repository information, the
tree, paths-info, and `resolve` with the headers that the cache is built from.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Repository:
    """Files by path. Without `token` anybody may read; a wrong one is answered with 401."""

    files: dict[str, bytes]
    token: str | None = None
    gated: bool = False

    @property
    def commit(self) -> str:
        digest = hashlib.sha1()
        for path, content in sorted(self.files.items()):
            digest.update(path.encode() + content)
        return digest.hexdigest()


@dataclass
class LocalHub:
    """`datasets` and `models` by id; `requests` is what came in, as `METHOD /path`."""

    datasets: dict[str, Repository] = field(default_factory=dict)
    models: dict[str, Repository] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    url: str = ""


def entry(repository: Repository, path: str) -> dict[str, object]:
    content = repository.files[path]
    oid = hashlib.sha1(content).hexdigest()
    return {"type": "file", "path": path, "size": len(content), "oid": oid}


def listing(repository: Repository, folder: str, recursive: bool) -> list[dict[str, object]]:
    """The tree below `folder`: files, and the directories on the way."""
    base = PurePosixPath(folder)
    found: dict[str, dict[str, object]] = {}
    for path in repository.files:
        pure = PurePosixPath(path)
        if base not in pure.parents:
            continue
        for parent in pure.parents:
            if base in parent.parents:
                found[str(parent)] = {"type": "directory", "path": str(parent), "oid": "0" * 40}
        found[path] = entry(repository, path)
    if not recursive:
        found = {path: item for path, item in found.items() if PurePosixPath(path).parent == base}
    return list(found.values())


def make_handler(hub: LocalHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            hub.requests.append(f"{self.command} {self.path}")

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = urlsplit(self.path)
            parts = [unquote(part) for part in url.path.strip("/").split("/")]
            api = parts[0] == "api"
            parts = parts[1:] if api else parts
            if parts[0] in ("datasets", "models"):
                kind, parts = parts[0], parts[1:]
            else:
                kind = "models"
            repositories = hub.datasets if kind == "datasets" else hub.models
            name, rest = "/".join(parts[:2]), parts[2:]
            repository = repositories.get(name)
            if repository is None:
                self.refuse(HTTPStatus.UNAUTHORIZED, "RepoNotFound")  # as the real hub says it
            elif repository.token and self.headers.get("Authorization") != (
                f"Bearer {repository.token}"
            ):
                code = "GatedRepo" if repository.gated else "RepoNotFound"
                self.refuse(HTTPStatus.UNAUTHORIZED, code)
            elif not api and rest[:1] == ["resolve"]:
                self.send_file(repository, rest[1], "/".join(rest[2:]))
            elif rest[:1] == ["tree"]:
                recursive = parse_qs(url.query).get("recursive", ["false"])[0].lower() == "true"
                self.send_json(listing(repository, "/".join(rest[2:]), recursive))
            elif rest[:1] == ["paths-info"]:
                asked = self.asked_paths(body)
                found = [path for path in asked if path in repository.files]
                self.send_json([entry(repository, path) for path in found])
            elif not rest or rest[0] == "revision":
                siblings = [{"rfilename": path} for path in repository.files]
                information = {"id": name, "sha": repository.commit, "siblings": siblings}
                self.send_json({**information, "private": False, "tags": []})
            else:
                self.refuse(HTTPStatus.NOT_FOUND, "EntryNotFound")

        def asked_paths(self, body: bytes) -> list[str]:
            if "json" in self.headers.get("Content-Type", ""):
                paths = json.loads(body)["paths"]
                return paths if isinstance(paths, list) else [paths]
            return parse_qs(body.decode()).get("paths", [])

        def send_file(self, repository: Repository, revision: str, path: str) -> None:
            if revision not in ("main", repository.commit):
                self.refuse(HTTPStatus.NOT_FOUND, "RevisionNotFound")
            elif path not in repository.files:
                self.refuse(HTTPStatus.NOT_FOUND, "EntryNotFound", repository.commit)
            else:
                content = repository.files[path]
                oid = hashlib.sha1(content).hexdigest()
                headers = {"ETag": f'"{oid}"', "X-Repo-Commit": repository.commit}
                self.send(HTTPStatus.OK, content, "application/octet-stream", headers)

        def send_json(self, value: object) -> None:
            self.send(HTTPStatus.OK, json.dumps(value).encode(), "application/json", {})

        def refuse(self, status: HTTPStatus, code: str, commit: str = "") -> None:
            headers = {"X-Error-Code": code, **({"X-Repo-Commit": commit} if commit else {})}
            self.send(status, json.dumps({"error": code}).encode(), "application/json", headers)

        def send(
            self, status: HTTPStatus, content: bytes, kind: str, headers: dict[str, str]
        ) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Type": kind}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    return Handler


@contextmanager
def serve(hub: LocalHub) -> Iterator[LocalHub]:
    """Answer on a free port of 127.0.0.1 until the block ends; `hub.url` is the endpoint."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(hub))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
