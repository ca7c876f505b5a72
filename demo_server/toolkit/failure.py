"""An exception, as a person who watches a slide should read it.

Ray delivers what user code raised as text inside an exception of its own; the text is taken
apart again here, so that the slide shows the user's exception and not Ray's wrapping.
"""

from __future__ import annotations

import gc
import os
import re
import traceback

from demo_server.protocol.events import FailureData
from demo_server.system.demo_error import DemoError

MAX_MESSAGE = 600
WRAPPED = "The above exception was the direct cause of the following exception:"
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# An absolute path keeps its last part only: what lies above it is nobody's business on a slide.
PATH = re.compile(r"(?<![\w:/.])/(?:[^\s/'\":,;]+/)+([^\s/'\":,;]*)")
RAISED = re.compile(r"^([A-Za-z_][\w.]*):[ ]?(.*)", re.MULTILINE)
FRAME = re.compile(r'^ +File "([^"]+)", line (\d+), in (\S+)', re.MULTILINE)
SECRETS = ("RAY_AUTH_TOKEN", "DEMO_TOKEN", "HF_TOKEN")

# Of what other libraries raise; a `DemoError` has its own.
REMEDIES = (
    (
        re.compile(r"object store is full", re.IGNORECASE),
        "Shut Ray down, which lets everything in it go, and run fewer rows.",
    ),
    (
        re.compile(r"MemoryError|OutOfMemory|can't allocate memory|out of memory", re.IGNORECASE),
        "Use a smaller batch_size: the model and one batch must fit into memory together.",
    ),
    (
        re.compile(r"ActorUnschedulable|Infeasible|execution made no progress"),
        "Lower concurrency or num_cpus, so that one CPU stays free for Ray's own tasks.",
    ),
    (
        re.compile(r"IndexError: index (out of range in self|\d+ is out of bounds)"),
        "A text may be longer than the model has positions for: choose a fast engine, which cuts "
        "there, or set max_seq_length in the model's sentence_bert_config.json.",
    ),
    (
        re.compile(r"ModuleNotFoundError|ImportError"),
        "Install the missing package where the worker runs, then start again.",
    ),
    (
        re.compile(r"FileNotFoundError|LocalEntryNotFound|NotADirectoryError"),
        "Model and data must be at a place that every node of the cluster can read.",
    ),
    (
        re.compile(r"ActorDied|WorkerCrashed|NodeDied|ObjectLost"),
        "A worker process died; start the run again, with a smaller batch_size if it was memory.",
    ),
)


def explain(error: BaseException, *, expected: bool = False) -> FailureData:
    """Return class, message, place and remedy of what was raised, user code's own first."""
    cause = getattr(error, "cause", None)  # what a task of Ray's raised
    own = cause if isinstance(cause, DemoError) else error
    if isinstance(own, DemoError):
        return FailureData(
            exception=type(own).__name__,
            message=clean(own.message),
            remedy=clean(own.remedy) if own.remedy else None,
            expected=expected,
        )
    raised = user_exception(str(error))
    if raised is None:
        name, message, place = type(error).__name__, str(error), None
        if isinstance(error, MemoryError) and not message:
            message = "out of memory"
    else:
        name, message, place = raised
    wrapper = type(error).__name__
    parts = (place, f"(Ray delivers it as {wrapper})" if raised else None)
    return FailureData(
        exception=name,
        message=clean(message) or wrapper,
        cause=clean(" ".join(part for part in parts if part is not None)) or None,
        remedy=remedy(f"{name}: {message}"),
        expected=expected,
    )


def release(error: BaseException | None = None) -> None:
    """Release what the frames of a failed pipeline hold: its actors, and with them its CPUs.

    Ray ends an actor when nothing refers to it any more. An exception's traceback does, and what
    it is part of is a cycle, which Python may leave alone for many seconds.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
    gc.collect()


def user_exception(text: str) -> tuple[str, str, str | None] | None:
    """Return class, message and place of the exception inside Ray's text, None if there is none.

    The place is `file, line N, in function` of the innermost frame.
    """
    inner = ANSI.sub("", text).split(WRAPPED)[0]
    frames = list(FRAME.finditer(inner))
    if not frames:
        return None
    raised = RAISED.search(inner, frames[-1].end())
    if raised is None:
        return None
    file, line, function = frames[-1].groups()
    message = inner[raised.start(2) :].strip()
    place = f"{os.path.basename(file)}, line {line}, in {function}"
    return raised[1].rsplit(".", 1)[-1], message, place


def remedy(text: str) -> str | None:
    """Return what to do about it, where that is known."""
    return next((advice for pattern, advice in REMEDIES if pattern.search(text)), None)


def clean(text: str) -> str:
    """Return `text` without colours, paths and secrets, at a length that a slide can hold."""
    text = ANSI.sub("", text)
    for name in SECRETS:
        secret = os.environ.get(name)
        if secret:
            text = text.replace(secret, "…")
    text = PATH.sub(r"\1", text).strip()
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
