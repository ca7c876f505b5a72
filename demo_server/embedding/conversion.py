"""Preparing a model for the fast engines: converted for OpenVINO, each compared with `encode`.

`python -m demo_server.embedding.conversion MODEL` does both, once for each state of the model's
files, with texts of the pickled `DatasetSource` on standard input. It imports torch and takes
seconds, so a driver has it done in a process of its own while it waits for its first run.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from demo_server.data import source
from demo_server.data.source import DatasetSource
from demo_server.embedding import agreement
from demo_server.embedding.agreement import Agreements
from demo_server.embedding.device import likely_device
from demo_server.embedding.model import resolve
from demo_server.embedding.model_files import read_modules
from demo_server.embedding.openvino import (
    FACTS,
    MODEL,
    TOKENIZER,
    disable_telemetry,
)
from demo_server.embedding.registry import Row, find, offered
from demo_server.embedding.transformer import EngineError, Reader, embed, load_f32
from demo_server.protocol.errors import InputError

FORMAT = "4"  # of what stands in the directory; a change converts again
NICE = 19


def converted(model: str) -> Path:
    """Return where the converted model is or will be; it is whole if it is there.

    The name follows the contents of the model's files and the version of OpenVINO.
    """
    version = importlib.metadata.version("openvino")
    digest = hashlib.sha256(f"{FORMAT} {version} {agreement.model_digest(model)}".encode())
    return agreement.directory() / digest.hexdigest()[:16]


def begin(model: str, dataset: DatasetSource) -> None:
    """Have the model prepared in the background, where fast engines can take it."""
    if refusal(model) is None and agreement.known(model) is None:
        start(model, dataset, subprocess.DEVNULL)


def ensure(
    model: str, dataset: DatasetSource | None = None, waits: Callable[[], None] = lambda: None
) -> Agreements:
    """Return how each fast engine agrees with `encode`, measured now where it wasn't.

    Its texts are those of `dataset`, of the bundled one where that is None. `waits` is called
    before waiting for a process that measures.

    Raises:
        EngineError: it could not be measured.
    """
    known = agreement.known(model)
    if known is not None:
        return known
    waits()
    with start(model, dataset, subprocess.PIPE) as process:
        assert process.stdout
        why = process.stdout.read().decode("utf-8").strip()
    known = agreement.known(model)
    if known is None:
        why = why or f"its process ended with exit code {process.returncode}"
        raise EngineError(
            f"The engines could not be compared with encode: {why}.",
            "Choose engine TextEmbedder, or run it again.",
        )
    return known


def refusal(model: str) -> str | None:
    """Return why no fast engine can take a model, by its files alone; None where one may."""
    first = read_modules(Path(model))[0].kind
    return None if first == "Transformer" else f"The fast engines take no model of {first}."


def check_known(row: Row, model: str | None) -> None:
    """Raise EngineError for an engine, as far as that is known without computing.

    `model` is a directory; None leaves it out.
    """
    if why := row.refusal(likely_device()):
        raise EngineError(why, "")
    if model is None:
        return
    if row.compared and (why := refusal(model)):
        raise EngineError(why)
    found = (agreement.known(model) or {}).get(row.name)
    if found and found.refusal:
        raise EngineError(f"{found.refusal}.", found.remedy)


def model_for(
    engine: str,
    model: str,
    dataset: DatasetSource | None = None,
    waits: Callable[[], None] = lambda: None,
) -> str:
    """Return a model, by its name or directory, as the engine of that name reads it.

    A fast engine's vectors are compared with those of `encode` before, as `ensure` does.

    Raises:
        EngineError: the engine can't take it, or gives other vectors.
        ModelError: it can't be used.
        ValueError: there is no such engine.
    """
    row = find(engine)
    check_known(row, None)
    path = resolve(model).path
    check_known(row, path)
    if row.compared:
        ensure(path, dataset, waits)
        check_known(row, path)
    return str(converted(path)) if row.converted else path


def start(model: str, dataset: DatasetSource | None, stdout: int) -> subprocess.Popen[bytes]:
    """Start preparing at the lowest CPU priority, on one core; its errors go where ours do."""
    process = subprocess.Popen(
        [sys.executable, "-m", "demo_server.embedding.conversion", model],
        stdin=subprocess.PIPE,
        stdout=stdout,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
    )
    assert process.stdin
    with process.stdin:
        process.stdin.write(pickle.dumps(dataset))
    return process


def prepare(model: str, dataset: DatasetSource | None) -> None:
    """Compare the engines with `encode`, unless another process does or did."""
    place = agreement.stored(model)
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_suffix(".lock")):
        if agreement.known(model) is None:
            chosen = dataset or source.resolve()
            column = chosen.load().select_columns(chosen.text_column)
            texts = column[: agreement.CHOSEN_FROM][chosen.text_column]
            rows = offered(likely_device())

            def path_for(row: Row) -> str:
                return str(convert(model)) if row.converted else model

            agreement.keep(model, agreement.measure(model, agreement.choose(texts), rows, path_for))


def convert(model: str) -> Path:
    """Convert a model, unless another process does or did; whole or not at all."""
    directory = converted(model)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(directory.with_suffix(".lock")):
        if not directory.exists():
            for left in directory.parent.glob(f"{directory.name}.*.part"):  # by one that was killed
                shutil.rmtree(left)
            part = Path(
                tempfile.mkdtemp(prefix=f"{directory.name}.", suffix=".part", dir=directory.parent)
            )
            write(model, part)
            part.replace(directory)
    return directory


def write(model: str, directory: Path) -> None:
    """Write the whole pipeline, pooling and normalizing included, its tokenizer, and its facts."""
    disable_telemetry()
    import openvino
    import torch
    from transformers import PreTrainedModel

    source = load_f32(model, "cpu")
    for module in source.modules():
        # Padding whose window holds only padding has nothing to attend to, of which OpenVINO makes
        # NaN, also in other rows' next layer. Eager attention has a lowest number for infinity.
        if isinstance(module, PreTrainedModel) and getattr(module.config, "sliding_window", None):
            module.set_attn_implementation("eager")
    reader = Reader.of(source)

    class Pipeline(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = source

        def forward(self, *inputs: Any) -> Any:
            features = reader.constants | dict(zip(reader.inputs, inputs, strict=True))
            return embed(self.model, features)

    example = tuple(torch.ones((2, 8), dtype=torch.int64) for _ in reader.inputs)
    shape = [openvino.PartialShape([-1, -1])] * len(reader.inputs)
    with torch.inference_mode():
        made = openvino.convert_model(Pipeline().eval(), example_input=example, input=shape)
    for port, name in zip(made.inputs, reader.inputs, strict=True):
        port.get_tensor().set_names({name})
    openvino.save_model(made, directory / MODEL, compress_to_fp16=False)
    reader.tokenizer.save(str(directory / TOKENIZER))
    facts = {
        "dim": source.get_embedding_dimension(),
        "prompt": reader.prompt,
        "pad_id": reader.pad_id,
    }
    (directory / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def main() -> None:
    """Prepare a model; print why that is impossible, where that is known."""
    [model] = sys.argv[1:]
    os.nice(NICE)
    try:
        prepare(model, pickle.load(sys.stdin.buffer))
    except InputError as error:
        print(error.message.rstrip("."))
        raise
    except OSError as error:
        print(error.strerror or type(error).__name__)
        raise


if __name__ == "__main__":
    main()
