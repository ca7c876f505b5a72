"""The SHA-256 of a model's files: which weights are the published ones, and which are the same."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from demo_server.system.environment import cache_directory
from demo_server.system.files import write_atomically

# Of model.safetensors in the published repository of the default model.
PUBLISHED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def cached_sha256(path: Path) -> str:
    """The file's hash, computed once for each path, size and modification time."""
    store = cache_directory() / "model-sha256.json"
    stat = path.stat()
    key = f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
    known = _read(store)
    if key not in known:
        with path.open("rb") as file:
            known[key] = hashlib.file_digest(file, "sha256").hexdigest()
        store.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(store, json.dumps(known))
    return known[key]


def _read(store: Path) -> dict[str, str]:
    try:
        known = json.loads(store.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):  # a cache: what is lost is computed again
        return {}
    return known if isinstance(known, dict) else {}
