"""Converting a model for OpenVINO, once for each state of its files and version of OpenVINO.

`python -m demo_server.embedding.conversion MODEL`. It imports torch and takes seconds, so a driver
has it done in a process of its own while it waits for its first run.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from filelock import FileLock

from demo_server.embedding.fast_torch import own_prompt, own_tokenizer
from demo_server.embedding.model import cached_sha256, resolve
from demo_server.embedding.openvino import (
    FACTS,
    MODEL,
    TOKENIZER,
    OpenVinoEngine,
    disable_telemetry,
)
from demo_server.embedding.registry import find, offered
from demo_server.protocol.errors import InputError
from demo_server.system.environment import cache_directory

FORMAT = "1"  # of what stands in the directory; a change converts again
NICE = 19


class ConversionError(InputError):
    """OpenVINO can't take the model; `field` is `engine`."""

    def __init__(self, message: str) -> None:
        super().__init__("engine", message, "Choose engine TextEmbedder.")


def converted(model: str) -> Path:
    """Return where the converted model is or will be; it is whole if it is there.

    The name follows the contents of the model's files and the version of OpenVINO.
    """
    digest = hashlib.sha256(f"{FORMAT} {importlib.metadata.version('openvino')}".encode())
    for path in sorted(Path(model).rglob("*")):
        if path.suffix in (".json", ".txt", ".model", ".safetensors", ".bin"):
            digest.update(f"{path.relative_to(model)} {cached_sha256(path)}\n".encode())
    return cache_directory() / "openvino" / digest.hexdigest()[:16]


def begin(model: str) -> None:
    """Have the model converted in the background, if OpenVINO is here and it isn't yet."""
    if importlib.util.find_spec("openvino") and not converted(model).exists():
        start(model, stderr=None)  # into the driver's own output


def ensure(model: str) -> Path:
    """Return the converted model's directory, waiting for who converts it, or convert it.

    Raises:
        ConversionError: OpenVINO can't take it.
    """
    directory = converted(model)
    if not directory.exists():
        process = start(model)
        _, error = process.communicate()
        if process.returncode:
            words = error.decode(errors="replace").strip().splitlines()
            raise ConversionError(f"OpenVINO can't take this model: {' '.join(words[-1:])}")
    return directory


def model_for(engine: str, model: str) -> str:
    """Return a model, by its name or directory, as the engine of that name reads it.

    Raises:
        ConversionError: OpenVINO can't take it.
        InputError: it can't be used.
        ValueError: there is no such engine.
    """
    path = resolve(model).path
    return str(ensure(path)) if find(engine).converted else path


def start(model: str, stderr: int | None = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """Start converting at the lowest CPU priority, on one core."""
    return subprocess.Popen(
        [sys.executable, "-m", "demo_server.embedding.conversion", model],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def convert(model: str) -> None:
    """Convert a model, unless another process does or did; whole or not at all."""
    directory = converted(model)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(directory.with_suffix(".lock")):
        if directory.exists():
            return
        for left in directory.parent.glob(f"{directory.name}.*.part"):  # by one that was killed
            shutil.rmtree(left)
        part = Path(
            tempfile.mkdtemp(prefix=f"{directory.name}.", suffix=".part", dir=directory.parent)
        )
        write(model, part)
        part.replace(directory)
        # What OpenVINO compiles is kept under this path: the first actor needn't.
        for row in offered("cpu"):
            if row.converted:
                OpenVinoEngine(str(directory), row.precision, threads=1, at_once=1)


def write(model: str, directory: Path) -> None:
    """Write the whole pipeline, pooling and normalizing included, its tokenizer, and its facts."""
    disable_telemetry()
    import openvino
    import torch
    from sentence_transformers import SentenceTransformer

    source = SentenceTransformer(model, device="cpu", model_kwargs={"attn_implementation": "sdpa"})
    tokenizer, pad_id = own_tokenizer(source, model)
    known = ("input_ids", "attention_mask", "token_type_ids")
    names = [name for name in known if name in source.tokenizer.model_input_names]

    class Pipeline(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = source

        def forward(self, *inputs: Any) -> Any:
            return self.model(dict(zip(names, inputs, strict=True)))["sentence_embedding"]

    example = tuple(torch.ones((2, 8), dtype=torch.int64) for _ in names)
    shape = [openvino.PartialShape([-1, -1])] * len(names)
    with torch.inference_mode():
        made = openvino.convert_model(Pipeline().eval(), example_input=example, input=shape)
    for port, name in zip(made.inputs, names, strict=True):
        port.get_tensor().set_names({name})
    openvino.save_model(made, directory / MODEL, compress_to_fp16=False)
    tokenizer.save(str(directory / TOKENIZER))
    facts = {
        "dim": source.get_embedding_dimension(),
        "prompt": own_prompt(source, model),
        "pad_id": pad_id,
    }
    (directory / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def main() -> None:
    [model] = sys.argv[1:]
    os.nice(NICE)
    convert(model)


if __name__ == "__main__":
    main()
