"""What computes: every engine and precision gives what sentence-transformers does."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from demo_server.data import source
from demo_server.data.source import DatasetSource
from demo_server.embedding import conversion, model, registry
from demo_server.embedding.agreement import LEAST_COSINE
from demo_server.embedding.batching import Array, Tokens
from demo_server.embedding.device import cpu_has_bf16
from demo_server.embedding.registry import ROWS, Row, find
from demo_server.protocol.driver_messages import Message
from demo_server.protocol.errors import RunError
from demo_server.toolkit.context import Context
from tests.support import tiny_models
from tests.support.prepared_cache import converted_model

FAST = ROWS[1:]
TEXTS = np.array(
    [
        "an elongated cluster of flowers",
        "",
        "Ünïcode, 中文 and emoji \N{PARTY POPPER}",
        " ".join(["longer than the model reads"] * 100),
        *(f"{'very ' * (n % 40)}plain text {n}" for n in range(60)),
    ],
    dtype=object,
)


@pytest.fixture(scope="module", autouse=True)
def cache() -> Iterator[None]:
    """The cache in which the model is converted already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEMO_CACHE", str(converted_model()))
        yield


@pytest.fixture(scope="module")
def reference() -> np.ndarray[Any, Any]:
    from sentence_transformers import SentenceTransformer

    encoded = SentenceTransformer(model.resolve(None).path, device="cpu").encode(list(TEXTS))
    return np.asarray(encoded)


def context(said: list[Message], path: str) -> Context:
    return Context(
        send=said.append,
        source=DatasetSource("nowhere"),
        model=path,
        device="cpu",
        cpus=2,
        cores=2,
        gpus=0,
        directory=Path(),
        own_head=True,
    )


# Converts as the program does, but writes only a word, and not before it is told to.
CONVERTER = """
import sys
from demo_server.embedding import conversion

def write(model, directory):
    print("writes", flush=True)
    sys.stdin.readline()
    (directory / "model").write_text("whole")

conversion.write = write
conversion.converted(sys.argv[1])  # its hashes are known from here on
print("starts", flush=True)
conversion.convert(sys.argv[1])
"""


def started(program: str, *arguments: str) -> subprocess.Popen[str]:
    """Run a program that prints when it starts; return it when it did."""
    command, pipe = [sys.executable, "-c", program, *arguments], subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout
    assert process.stdout.readline() == "starts\n"
    return process


def rest_of(process: subprocess.Popen[str]) -> str:
    """Return what a process prints until it ends."""
    with process:
        assert process.stdout
        return process.stdout.read()


def test_two_processes_convert_a_model_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path))
    path = model.resolve(None).path
    both = [started(CONVERTER, path) for _ in range(2)]
    for process in both:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    assert sorted(rest_of(process) for process in both) == ["", "writes\n"]
    assert [process.returncode for process in both] == [0, 0]
    directory = conversion.converted(path)
    left = {found.name for found in (tmp_path / "openvino").iterdir()}
    assert left == {directory.name, f"{directory.name}.lock"}
    assert (directory / "model").read_text() == "whole"


def test_a_converted_model_is_not_converted_again() -> None:
    path = model.resolve(None).path
    assert conversion.model_for("OpenVinoEmbedder", path) == str(conversion.converted(path))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_embeddings_are_the_references(
    row: Row,
    reference: np.ndarray[Any, Any],
) -> None:
    said: list[Message] = []
    run = context(said, model.resolve(None).path)
    if row.precision == "bf16" and not cpu_has_bf16():
        with pytest.raises(RunError, match="choose engine"):
            run.embedder(row.name, actors=1)
        return
    embedder = row.embedder(**run.embedder(row.name, actors=1) | {"column": "text"})
    rows = list(range(len(TEXTS)))
    batch = embedder(pa.table({"id": rows, "text": TEXTS.tolist()}))
    assert batch["id"].to_pylist() == rows
    assert batch.schema.field("embedding").type == pa.list_(pa.float32(), reference.shape[1])
    got = np.stack(batch["embedding"].to_numpy())
    norms = np.linalg.norm(got, axis=1) * np.linalg.norm(reference, axis=1)
    assert ((got * reference).sum(axis=1) / norms).min() >= LEAST_COSINE[row.precision]
    assert said == []


@pytest.mark.parametrize("row", FAST, ids=lambda row: row.name)
def test_passes_run_in_parallel_and_return_in_order(
    row: Row,
) -> None:
    if row.precision == "bf16" and not cpu_has_bf16():
        return
    path = conversion.model_for(row.name, model.resolve(None).path)
    loaded = row.embedder.load(path, threads=1, passes=2)
    loaded.budget = 64
    tokens = loaded.tokenize(TEXTS)
    threads, inside, together = set(), 0, 0
    original, lock = loaded.embed, threading.Lock()

    def embed(tokens: Tokens, rows: Array) -> Array:
        nonlocal inside, together
        with lock:
            inside += 1
            together = max(together, inside)
            threads.add(threading.get_ident())
        vectors = original(tokens, rows)
        with lock:
            inside -= 1
        return vectors

    loaded.embed = embed
    passes = list(loaded.embed_all(tokens, tokens.batches(64)))
    assert [rows.tolist() for rows, _ in passes] == [b.tolist() for b in tokens.batches(64)]
    assert together == len(threads) == 2
    for rows, vectors in passes:
        np.testing.assert_allclose(vectors, original(tokens, rows), atol=1e-6)


def test_a_pass_that_fails_fails_the_call() -> None:
    directory = conversion.model_for("OpenVinoEmbedder", model.resolve(None).path)
    loaded = find("OpenVinoEmbedder").embedder.load(directory, threads=1, passes=2)
    tokens = loaded.tokenize(TEXTS)

    def embed(tokens: Tokens, rows: Array) -> Array:
        raise MemoryError("in a thread")

    loaded.embed = embed
    with pytest.raises(MemoryError, match="in a thread"):
        list(loaded.embed_all(tokens, tokens.batches(64)))


def test_openvino_needs_no_torch() -> None:
    directory = conversion.model_for("OpenVinoEmbedder", model.resolve(None).path)
    code = (
        "import sys\n"
        "from demo_server.embedding.registry import load_engine\n"
        f"load_engine('OpenVinoEmbedder', {directory!r}, 1)\n"
        "print({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_openvino_gets_its_first_arrays_from_the_thread_that_loads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its bindings can't be entered first by two threads at once."""
    directory = conversion.model_for("OpenVinoEmbedder", model.resolve(None).path)
    passes: list[tuple[int, list[tuple[int, ...]]]] = []

    class Request:
        def infer(self, arrays: list[Array], share_inputs: bool) -> None:
            passes.append((threading.get_ident(), [array.shape for array in arrays]))

        def get_output_tensor(self) -> Any:
            return SimpleNamespace(data=np.zeros((1, 384), np.float32))

    inputs = [SimpleNamespace(any_name=name) for name in ("input_ids", "attention_mask")]
    compiled = SimpleNamespace(inputs=inputs, create_infer_request=Request)
    core = SimpleNamespace(compile_model=lambda *_: compiled)
    monkeypatch.setitem(sys.modules, "openvino", SimpleNamespace(Core=lambda: core))  # type: ignore[arg-type]
    find("OpenVinoEmbedder").embedder.load(directory, threads=1, passes=3)
    assert passes == [(threading.get_ident(), [(1, 1)] * 2)]


def test_a_precision_that_the_processor_lacks_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(registry, "cpu_has_bf16", lambda: False)
    wanted = "processor that computes in bf16: choose engine OpenVinoEmbedder"
    with pytest.raises(RunError, match=wanted):
        context([], "").embedder("OpenVinoBf16Embedder", actors=1)
    assert find("TorchBf16Embedder").refusal("cuda") is None
    names = [row.name for row in registry.offered("cpu")]
    assert names == ["TextEmbedder", "TorchEmbedder", "OpenVinoEmbedder"]


def test_an_engine_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RunError, match="pip install openvino"):
        context([], "").embedder("OpenVinoEmbedder", actors=1)


def test_a_run_before_the_comparison_notes_that_it_waits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache"))
    said: list[Message] = []
    run = context(said, str(tiny_models.save(tmp_path / "model")))
    run.source = source.resolve()
    path = Path(run.embedder("OpenVinoEmbedder", actors=1)["model"])
    assert path == conversion.converted(run.model)
    assert len(said) == 1
    assert "compared with those of encode, once: the run waits" in str(said)
    assert run.embedder("TorchEmbedder", actors=1)["model"] == run.model
    assert len(said) == 1


def test_an_engine_is_found_by_the_name_of_its_class_and_a_class_by_what_it_inherits() -> None:
    class Limited(find("TextEmbedder").embedder):  # type: ignore[misc]
        pass

    assert [find(row.name) for row in ROWS] == list(ROWS)
    assert registry.row_of(Limited) is ROWS[0]
    assert registry.row_of(len) is None
    with pytest.raises(ValueError, match="engine is one of TextEmbedder, TorchEmbedder"):
        find("Magic")


def test_a_parameter_is_a_class_in_python_and_its_name_in_json() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(registry.Embedder)
    assert adapter.validate_python("TorchEmbedder") is ROWS[1].embedder
    assert adapter.dump_python(ROWS[1].embedder, mode="json") == "TorchEmbedder"
    assert adapter.json_schema()["enum"] == [row.name for row in ROWS]
    with pytest.raises(ValidationError, match="engine is one of"):
        adapter.validate_python("Magic")
