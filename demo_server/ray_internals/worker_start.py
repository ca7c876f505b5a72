"""The script by which our head's raylet starts each worker, in place of Ray's `setup_worker.py`.

It has the worker forked by a process that has the worker's imports already, see
`worker_fork_server.py`, and ends: the raylet knows its workers by the ids that they bring. Where
none can be forked, Ray's own script goes on in this process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence

if __name__ == "__main__":  # a script has its own folder there
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from demo_server.ray_internals.worker_environment import BASE, CODE, FORK_SERVERS, MODULES
from demo_server.system.fork_server import Program, ask, listen

# In the raylet's environment: the path of the script that this replaces.
RAYS_SCRIPT = "DEMO_SETUP_WORKER"
FORK_SERVER = ["-m", "demo_server.ray_internals.worker_fork_server"]
CONTEXT = "--serialized-runtime-env-context="


def wanted_worker(words: Sequence[str], environ: Mapping[str, str]) -> Program | None:
    """Return the worker that the raylet wants, None where it takes more than variables and Python.

    Args:
        words: what follows this script on its command line.
        environ: the environment that the raylet has given it.
    """
    context, rest = dict[str, object](), list[str]()
    for word in words:
        if word.startswith(CONTEXT):
            context = json.loads(word.removeprefix(CONTEXT))
        elif not word.startswith("--language="):
            rest.append(word)
    variables = context.pop("env_vars", None) or {}
    plain = context.pop("py_executable", sys.executable) == sys.executable
    if not isinstance(variables, dict) or not plain or any(context.values()):
        return None
    # Ray's own are read when it is imported; in a value, `$` is for another variable.
    if any(name.startswith("RAY_") or "$" in value for name, value in variables.items()):
        return None
    return Program(rest, {**environ, **variables}, os.getcwd())


def socket_path(environ: Mapping[str, str]) -> str:
    """Return where the fork server listens that has imported what a worker shall have."""
    wanted = [environ[name] for name in (MODULES, CODE) if name in environ]
    name = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:16] if wanted else BASE
    return os.path.join(environ[FORK_SERVERS], name)


def fork(worker: Program) -> bool:
    """Have the worker forked; False where nobody does."""
    path = socket_path(worker.env)
    base = os.path.join(worker.env[FORK_SERVERS], BASE)
    try:
        if not os.path.exists(path):
            begin_fork_server(path, base, worker)
        with ask(path, worker, [0, 1, 2]) as answers:
            forked = bool(answers.recv(1024))
    except OSError:
        forked = False
    if not forked and path != base:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # the next worker begins another
    return forked


def begin_fork_server(path: str, base: str, worker: Program) -> None:
    """Have the base fork the server that listens at `path`, unless another worker has by now.

    Raises:
        OSError: the base doesn't answer.
    """
    own = f"{path}.{os.getpid()}"
    with listen(own) as listener:
        try:
            os.link(own, path)  # it listens already: a worker that finds it is never refused
        except FileExistsError:
            return
        finally:
            os.unlink(own)
        server = Program(FORK_SERVER, worker.env, worker.cwd)
        with ask(base, server, [listener.fileno(), 1, 2]) as answers:
            answers.recv(1024)


def main(words: Sequence[str]) -> None:
    worker = wanted_worker(words, os.environ)
    if worker is None or not fork(worker):
        os.execv(sys.executable, [sys.executable, os.environ[RAYS_SCRIPT], *words])


if __name__ == "__main__":
    main(sys.argv[1:])
