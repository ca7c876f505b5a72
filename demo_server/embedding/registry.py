"""The engines to choose from: a row for each class that `map_batches` may get."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from demo_server.embedding.device import Device, cpu_has_bf16
from demo_server.embedding.engine import Engine, Precision
from demo_server.embedding.fast import FastEmbedder
from demo_server.embedding.fast_torch import TorchBf16Embedder, TorchEmbedder
from demo_server.embedding.openvino import OpenVinoBf16Embedder, OpenVinoEmbedder
from demo_server.embedding.sentence_transformer import TextEmbedder

# What an actor's process has to import; see `prestart`.
LIBRARY = ("sentence_transformers",)
OPENVINO = ("openvino", "tokenizers")


# Those that comparisons take their passes from.
FastName = Literal["OpenVinoEmbedder", "TorchEmbedder"]
# Where it is installed.
FAST: FastName = "OpenVinoEmbedder"


@dataclass(frozen=True)
class Row:
    """One engine.

    Attributes:
        embedder: a callable class of `model`, `column` and `threads`; its name is the engine's.
        imports: modules that its actor's process imports, ahead of time where one stands ready.
        precision: of the matrix products.
        converted: it reads what `conversion` makes of a model, and computes on the CPU.
    """

    embedder: type[Any]
    imports: tuple[str, ...] = LIBRARY
    precision: Precision = "f32"
    converted: bool = False

    @property
    def name(self) -> str:
        return self.embedder.__name__

    @property
    def compared(self) -> bool:
        """A fast one is to give the vectors of `encode`; another need not."""
        return issubclass(self.embedder, FastEmbedder)

    @property
    def installed(self) -> bool:
        """OpenVINO has no wheel for every platform."""
        return all(importlib.util.find_spec(module) for module in self.imports)

    def refusal(self, device: Device) -> str | None:
        """Return why this machine can't run it, None where it can."""
        if not self.installed:
            return (
                f"{self.name} needs {self.imports[0]}, which is not installed: run "
                f"`pip install {self.imports[0]}`, or choose engine {ROWS[0].name}."
            )
        on_cuda = device == "cuda" and not self.converted
        if self.precision == "bf16" and not on_cuda and not cpu_has_bf16():
            f32 = self.name.replace("Bf16", "")
            return f"{self.name} needs a processor that computes in bf16: choose engine {f32}."
        return None


# The first is what the talk starts with.
ROWS = (
    Row(TextEmbedder),
    Row(TorchEmbedder),
    Row(TorchBf16Embedder, precision="bf16"),
    Row(OpenVinoEmbedder, OPENVINO, converted=True),
    Row(OpenVinoBf16Embedder, OPENVINO, "bf16", converted=True),
)


def find(name: str) -> Row:
    """Return the row of that name.

    Raises:
        ValueError: there is none.
    """
    for row in ROWS:
        if row.name == name:
            return row
    raise ValueError(f"engine is one of {', '.join(row.name for row in ROWS)}, not {name!r}")


def load_engine(engine: FastName, model: str, threads: int) -> Engine:
    """Load what a fast class computes with, for one pass at a time on all `threads`."""
    loaded: Engine = find(engine).embedder.load(model, threads, passes=1)
    return loaded


def row_of(code: Any) -> Row | None:
    """Return the row of a class or of what it inherits from, None of any other code."""
    bases = code.__mro__ if isinstance(code, type) else ()
    return next((row for base in bases for row in ROWS if row.embedder is base), None)


def offered(device: Device) -> list[Row]:
    """Return the engines that this machine can run, the default first."""
    return [row for row in ROWS if row.refusal(device) is None]


def imports_ahead() -> list[tuple[str, ...]]:
    """Return what worker processes import ahead, a process for each; the light ones first."""
    return sorted({row.imports for row in ROWS if row.installed}, key=OPENVINO.__ne__)


def _class(value: Any) -> type[Any]:
    return value if isinstance(value, type) else find(value).embedder


# A parameter that is a class in Python, its name in JSON, and that name without quotes in code.
Embedder = Annotated[
    type[Any],
    PlainValidator(_class),
    PlainSerializer(lambda one: one.__name__, return_type=str),
    WithJsonSchema({"type": "string", "enum": [row.name for row in ROWS], "format": "python-name"}),
]
