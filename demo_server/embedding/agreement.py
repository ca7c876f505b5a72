"""How close each engine's vectors are to `encode`'s: measured once for a model, and kept."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import itertools
import multiprocessing
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
from pydantic import BaseModel, TypeAdapter, ValidationError

from demo_server.embedding.batching import Array
from demo_server.embedding.checksum import cached_sha256
from demo_server.embedding.device import likely_device
from demo_server.embedding.engine import Engine, Precision
from demo_server.embedding.registry import Row, offered
from demo_server.embedding.transformer import REMEDY, EngineError, cut_at_positions
from demo_server.system.environment import ENGINES, cache_directory
from demo_server.system.files import write_atomically

# Between an engine's vector and that of `encode`, by the coarser of the precisions of both.
LEAST_COSINE: dict[Precision, float] = {"f32": 0.9999, "bf16": 0.999}
# As a share: more is not rounding.
MOST_LENGTH_DIFFERENCE = 0.05
ROWS = 16
# Of the dataset's first rows, from which those are chosen.
CHOSEN_FROM = 10_000
LONGEST = 6_000  # characters of a text to compare: most models cut it
# In the words of what allocates a CPU's memory for torch, and for OpenVINO.
ALLOCATORS = ("DefaultCPUAllocator", "bad_alloc", "bad allocation")
LIBRARIES = ("torch", "sentence-transformers", "transformers", "tokenizers", "openvino")


class Agreement(BaseModel):
    """What came of comparing an engine with `encode`.

    Attributes:
        rows: of the dataset.
        cosine: the lowest of any text; None where there is none to take.
        refusal: why the engine isn't offered for the model, without a full stop.
        remedy: what to do about that.
    """

    rows: int = ROWS
    cosine: float | None = None
    refusal: str | None = None
    remedy: str = REMEDY


Agreements = dict[str, Agreement]
STORED = TypeAdapter(Agreements)


def model_digest(model: str) -> str:
    """Return a hash of the contents of a model's files."""
    digest = hashlib.sha256()
    for path in sorted(Path(model).rglob("*")):
        if path.suffix in (".json", ".txt", ".model", ".safetensors", ".bin"):
            digest.update(f"{path.relative_to(model)} {cached_sha256(path)}\n".encode())
    return digest.hexdigest()


def directory() -> Path:
    return cache_directory() / ENGINES


def stored(model: str) -> Path:
    """Return the file for a model, this code, its libraries, and what this machine can run."""
    digest = hashlib.sha256(f"{model_digest(model)} {surroundings()}".encode())
    return directory() / f"{digest.hexdigest()[:16]}.json"


@functools.cache
def surroundings() -> str:
    """Return what vectors depend on apart from the model: a process keeps what it has imported."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    found = [d for name in LIBRARIES for d in importlib.metadata.distributions(name=name)]
    engines = [row.name for row in offered(likely_device())]
    return f"{digest.hexdigest()} {[(d.name, d.version) for d in found]} {engines}"


def known(model: str) -> Agreements | None:
    """Return what is known of each engine, by its name; None before it was measured."""
    try:
        return STORED.validate_json(stored(model).read_bytes())
    except (FileNotFoundError, ValidationError):  # a cache: what is lost is measured again
        return None


def keep(model: str, agreements: Agreements) -> None:
    write_atomically(stored(model), STORED.dump_json(agreements))


def choose(texts: Sequence[str | None]) -> list[str]:
    """Return `ROWS` of a dataset's texts, from the shortest to the longest, evenly."""
    ascending = sorted((text[:LONGEST] for text in texts if text), key=len)
    at = np.linspace(0, len(ascending) - 1, min(ROWS, len(ascending))).astype(int)
    return [ascending[i] for i in at]


def measure(
    model: str, texts: Sequence[str], rows: Sequence[Row], path_for: Callable[[Row], str]
) -> Agreements:
    """Compare engines with `encode`, on texts of the dataset and on two that every model cuts.

    `path_for` returns the model as an engine reads it. Of an engine that is `encode` itself only a
    refusal is returned.

    Raises:
        OSError, MemoryError: this machine lacks something at the moment.
    """
    compared = [*texts, *longer(texts)]
    try:
        reference, precision = encode(model, compared)
    except Exception as error:
        if is_of_the_moment(error):
            raise
        traceback.print_exc()
        return refuse(rows, f"sentence-transformers can't run this model ({type(error).__name__})")
    if not np.isfinite(reference).all():
        return refuse(rows, "encode gives vectors that are not numbers for this model")
    found = {}
    for row in (row for row in rows if row.compared):
        least = LEAST_COSINE["bf16" if "bf16" in (row.precision, precision) else "f32"]
        found[row.name] = compare(row, path_for, compared, reference, least, len(texts))
    return found


def refuse(rows: Sequence[Row], why: str) -> Agreements:
    """Refuse the model for all these engines."""
    agreement = Agreement(refusal=why, remedy="Name another model with --model.")
    return {row.name: agreement for row in rows}


def longer(texts: Sequence[str]) -> list[str]:
    """Return two texts that are longer than most models read: these, repeated, either way round."""
    joined = list(itertools.islice(itertools.cycle(texts), 4 * len(texts)))
    return [" ".join(order)[:LONGEST] for order in (joined, joined[::-1])]


def encode(model: str, texts: Sequence[str]) -> tuple[Array, Precision]:
    """Return what `encode` gives, shape (texts, dim), and the precision that it computed in."""
    import torch
    from sentence_transformers import SentenceTransformer

    source = SentenceTransformer(model)
    computed: Precision = "f32"
    if any(weight.dtype is torch.bfloat16 for weight in source.parameters()):
        computed = "bf16"
    try:
        return np.asarray(source.encode(list(texts))), computed
    except (IndexError, RuntimeError):  # a text that is longer than its positions
        cut_at_positions(source)
        return np.asarray(source.encode(list(texts))), computed


def compare(
    row: Row,
    path_for: Callable[[Row], str],
    texts: Sequence[str],
    reference: Array,
    least: float,
    rows: int,
) -> Agreement:
    """Compare one engine with what `encode` gave; `rows` of the texts are the dataset's.

    Raises:
        OSError, MemoryError: this machine lacks something at the moment.
    """
    try:
        path = path_for(row)
        found = apart(row, path, texts) if row.converted else vectors(row, path, texts)
    except EngineError as error:
        return Agreement(refusal=error.message.rstrip("."), remedy=error.remedy or "")
    except BrokenProcessPool:
        return Agreement(refusal=f"{row.name} crashes with this model")
    except Exception as error:
        if is_of_the_moment(error):
            raise
        traceback.print_exc()
        return Agreement(refusal=f"{row.name} can't run this model ({type(error).__name__})")
    if found.shape != reference.shape:
        return Agreement(
            refusal=f"{row.name} gives vectors of {found.shape[1]} numbers for this model, "
            f"encode of {reference.shape[1]}"
        )
    if not np.isfinite(found).all():
        return Agreement(refusal=f"{row.name} gives vectors that are not numbers for this model")
    cosine, longer = lowest_cosine(found, reference), length_difference(found, reference)
    refusal = None
    if cosine < least:
        refusal = (
            f"{row.name} gives other vectors than encode for this model: "
            f"cosine {cosine:.6g} on {rows} rows, at least {least} is asked"
        )
    elif longer > MOST_LENGTH_DIFFERENCE:
        refusal = (
            f"{row.name} gives vectors whose length differs from encode's for this model, "
            f"by {100 * longer:.3g}%"
        )
    return Agreement(rows=rows, cosine=cosine, refusal=refusal)


def apart(row: Row, path: str, texts: Sequence[str]) -> Array:
    """Return what `vectors` does, computed in another process.

    OpenVINO is native code, and with some models it crashes.

    Raises:
        BrokenProcessPool: it did.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(vectors, row, path, texts).result()


def vectors(row: Row, path: str, texts: Sequence[str]) -> Array:
    """Return an engine's vectors: float32 of shape (texts, dim).

    The shortest and the longest go through together: padding must not change a vector.
    """
    engine: Engine = row.embedder.load(path, threads=1, passes=1)
    tokens = engine.tokenize(np.array(texts, object))
    found = np.empty((len(tokens), engine.dim), np.float32)
    for rows, of_rows in engine.embed_all(tokens, tokens.batches(engine.budget)):
        found[rows] = of_rows
    ends = np.array([tokens.lengths.argmin(), tokens.lengths.argmax()])
    found[ends] = engine.embed(tokens, ends)
    return found


def length_difference(found: Array, reference: Array) -> float:
    """Return by which share the length of any row differs; a cosine doesn't see it."""
    lengths, wanted = np.linalg.norm(found, axis=1), np.linalg.norm(reference, axis=1)
    return float((np.abs(lengths - wanted) / np.where(wanted > 0, wanted, 1)).max(initial=0))


def lowest_cosine(one: Array, other: Array) -> float:
    """Return the lowest cosine of any two rows; two that are zero count as the same."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    same = np.isclose(a, b, atol=1e-6).all(axis=1)
    cosines = (a * b).sum(axis=1) / np.where(norms > 0, norms, 1)
    return float(np.where(norms > 0, cosines, same).min(initial=1))


def is_of_the_moment(error: Exception) -> bool:
    """Whether an error is of the machine at this moment, such as a full disk, not of the model."""
    import torch

    of_the_device = torch.OutOfMemoryError | torch.AcceleratorError
    of_memory = isinstance(error, RuntimeError) and any(name in str(error) for name in ALLOCATORS)
    no_room = of_memory or isinstance(error, MemoryError | of_the_device)
    return no_room or getattr(error, "errno", None) is not None
