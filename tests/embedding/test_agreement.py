"""What every engine gives for a model is what `encode` gives, or the engine is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from demo_server.data.source import DatasetSource
from demo_server.embedding import agreement, conversion, model
from demo_server.embedding.agreement import Agreement
from demo_server.embedding.batching import Array, Tokens
from demo_server.embedding.device import cpu_has_bf16
from demo_server.embedding.engine import Engine
from demo_server.embedding.fast import FastEmbedder
from demo_server.embedding.registry import Row, find
from demo_server.embedding.transformer import EngineError
from demo_server.protocol.driver_messages import Message
from demo_server.protocol.errors import RunError
from demo_server.protocol.events import VectorAgreement
from demo_server.toolkit.context import Context
from tests.support import tiny_models
from tests.support.model_shapes import SHAPES, without_length

TEXTS = tiny_models.texts()
# OpenVINO's conversion traces, which torch is about to give up, and reads every old attribute.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{warning}")
    for warning in (
        ":DeprecationWarning",
        ":FutureWarning",
        ":torch.jit.TracerWarning",
        "To copy construct from a tensor:UserWarning",
    )
]
F32 = [find("TorchEmbedder"), find("OpenVinoEmbedder")]


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def path_in(place: Path) -> Callable[[Row], str]:
    """Return what converts a model without a lock and a process of its own."""

    def path_for(row: Row) -> str:
        if not row.converted:
            return str(place)
        directory = place.with_name("converted")
        if not directory.exists():
            directory.mkdir()
            conversion.write(str(place), directory)
        return str(directory)

    return path_for


def context(said: list[Message], path: Path) -> Context:
    return Context(
        send=said.append,
        source=DatasetSource("nowhere"),
        model=str(path),
        device="cpu",
        cpus=2,
        cores=2,
        gpus=0,
        directory=Path(),
        own_head=True,
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_the_engines_give_the_vectors_of_encode_for_a_model_with(
    shape: str, tmp_path: Path
) -> None:
    place = SHAPES[shape](tmp_path / "model")
    model.resolve(str(place))
    reference, precision = agreement.encode(str(place), TEXTS)
    least = agreement.LEAST_COSINE[precision]
    for row in F32:
        found = agreement.vectors(row, path_in(place)(row), TEXTS)
        assert found.shape == reference.shape
        cosine = agreement.lowest_cosine(found, reference)
        assert cosine >= least, f"{row.name}: {cosine}"
        lengths = np.linalg.norm(found, axis=1)
        np.testing.assert_allclose(lengths, np.linalg.norm(reference, axis=1), rtol=0.01)
    assert precision == ("bf16" if "bfloat16" in (place / "config.json").read_text() else "f32")


def test_the_texts_of_these_tests_have_vectors_that_differ(tmp_path: Path) -> None:
    place = tiny_models.save(tmp_path / "model", do_lower_case=False)
    vectors, _ = agreement.encode(str(place), TEXTS)
    differing = [
        agreement.lowest_cosine(vectors[[i]], vectors[[j]])
        for i in range(len(TEXTS))
        for j in range(i)
    ]
    assert sorted(differing)[-3] < agreement.LEAST_COSINE["bf16"]  # but for "copper" and "Copper"


@pytest.mark.skipif(not cpu_has_bf16(), reason="the processor doesn't compute in bf16")
def test_engines_in_bf16_are_close_to_encode(tmp_path: Path) -> None:
    place = tiny_models.save(tmp_path / "model")
    rows = [find("TorchBf16Embedder"), find("OpenVinoBf16Embedder")]
    found = agreement.measure(str(place), TEXTS, rows, path_in(place))
    assert [one.refusal for one in found.values()] == [None, None]


def test_texts_longer_than_a_model_has_positions_are_cut_where_encode_fails(
    tmp_path: Path,
) -> None:
    place = without_length(tmp_path / "model")
    from sentence_transformers import SentenceTransformer

    with pytest.raises((IndexError, RuntimeError)):
        SentenceTransformer(str(place), device="cpu").encode(TEXTS[-1])
    engine = find("TorchEmbedder").embedder.load(str(place), 1, 1)
    tokens = engine.tokenize(np.array(TEXTS, object))
    assert tokens.lengths.max() == tiny_models.POSITIONS - 1  # the padding's position is no text's


def test_a_model_without_a_transformer_is_embedded_by_encode_and_refused_by_the_others(
    tmp_path: Path,
) -> None:
    run = context([], tiny_models.static(tmp_path / "model"))
    with pytest.raises(RunError, match=r"of StaticEmbedding\. Choose engine TextEmbedder"):
        run.embedder("TorchEmbedder", actors=1)
    chosen = find("TextEmbedder").embedder(**run.embedder("TextEmbedder", actors=1))
    assert chosen.model.encode(TEXTS).shape == (len(TEXTS), 8)


class Drifting(Engine):
    """Gives the vectors of `encode` and a little of something else."""

    budget = 64

    def __init__(self, vectors: Array, drift: float) -> None:
        super().__init__(1)
        self.vectors, self.dim = vectors + drift * vectors[::-1], vectors.shape[1]

    def tokenize(self, texts: Array) -> Tokens:
        lengths = np.ones(len(texts), np.int64)
        return Tokens(lengths, lengths, lengths)

    def embed(self, tokens: Tokens, rows: Array) -> Array:
        return self.vectors[rows]


def loading(engine: Engine) -> type[Any]:
    return type("Loaded", (FastEmbedder,), {"load": staticmethod(lambda *_, **__: engine)})


class Fails(FastEmbedder):
    @staticmethod
    def load(path: str, threads: int, passes: int) -> Engine:
        raise RuntimeError("/src/core/op.cpp:12: Exception from core.cpp")


class Crashes(FastEmbedder):
    @staticmethod
    def load(path: str, threads: int, passes: int) -> Engine:
        os._exit(3)


def measured(monkeypatch: pytest.MonkeyPatch, embedder: Any, **options: Any) -> Agreement:
    """Return what comes of an engine where `encode` gives unit vectors of the texts' places."""
    reference = np.eye(len(TEXTS) + 2, dtype=np.float32)
    monkeypatch.setattr(agreement, "encode", lambda model, texts: (reference, "f32"))
    row = Row(embedder, **options)
    [found] = agreement.measure("m", TEXTS, [row], lambda row: "m").values()
    return found


def test_an_engine_that_gives_other_vectors_is_refused_with_the_cosine_and_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    eye = np.eye(len(TEXTS) + 2, dtype=np.float32)
    assert measured(monkeypatch, loading(Drifting(eye, 0.001))).refusal is None
    found = measured(monkeypatch, loading(Drifting(eye, 0.03)))
    assert found.refusal == (
        "Loaded gives other vectors than encode for this model: "
        f"cosine 0.99955 on {len(TEXTS)} rows, at least 0.9999 is asked"
    )
    assert measured(monkeypatch, loading(Drifting(eye, 0.03)), precision="bf16").refusal is None


def test_an_engine_whose_vectors_are_longer_is_refused_though_no_cosine_differs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    eye = np.eye(len(TEXTS) + 2, dtype=np.float32)
    found = measured(monkeypatch, loading(Drifting(eye * np.float32(1.08), 0)))
    assert found.refusal == (
        "Loaded gives vectors whose length differs from encode's for this model, by 8%"
    )
    assert measured(monkeypatch, loading(Drifting(eye * np.float32(1.004), 0))).refusal is None


def test_an_engine_whose_vectors_are_not_numbers_or_too_few_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    eye = np.eye(len(TEXTS) + 2, dtype=np.float32)
    no_numbers = measured(monkeypatch, loading(Drifting(eye * np.nan, 0)))
    assert no_numbers.refusal == "Loaded gives vectors that are not numbers for this model"
    few = measured(monkeypatch, loading(Drifting(eye[:, :5], 0)))
    assert "gives vectors of 5 numbers" in str(few.refusal)


def test_an_engine_that_fails_or_crashes_is_refused_without_its_own_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert measured(monkeypatch, Fails).refusal == "Fails can't run this model (RuntimeError)"
    found = measured(monkeypatch, Crashes, converted=True)
    assert found.refusal == "Crashes crashes with this model"


def test_a_disk_or_memory_that_is_full_is_not_taken_for_the_models_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object, **__: object) -> Engine:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        measured(monkeypatch, type("Full", (FastEmbedder,), {"load": staticmethod(full)}))


def test_a_model_that_the_library_cannot_load_is_refused_with_another_models_remedy(
    tmp_path: Path,
) -> None:
    broken = tiny_models.only_configured(tmp_path / "model", {"model_type": "no such type"})
    found = agreement.measure(str(broken), TEXTS, F32, path_in(broken))
    for one in found.values():
        assert one.refusal == "sentence-transformers can't run this model (ValueError)"
        assert one.remedy == "Name another model with --model."


def test_a_known_refusal_fails_a_run_at_once_and_its_remedy_works(tmp_path: Path) -> None:
    place = tiny_models.save(tmp_path / "model")
    refused = Agreement(cosine=0.5, refusal="TorchEmbedder gives other vectors")
    agreement.directory().mkdir(parents=True)
    agreement.keep(str(place), {"TorchEmbedder": refused})
    said: list[Message] = []
    run = context(said, place)
    with pytest.raises(RunError, match=r"gives other vectors\. Choose engine TextEmbedder\."):
        run.embedder("TorchEmbedder", actors=1)
    assert run.embedder("TextEmbedder", actors=1)["model"] == str(place)
    assert said == []


def test_a_run_of_a_fast_engine_has_the_agreement_that_was_measured(tmp_path: Path) -> None:
    place = tiny_models.save(tmp_path / "model")
    agreement.directory().mkdir(parents=True)
    agreement.keep(str(place), {"TorchEmbedder": Agreement(cosine=0.99999996)})
    run = context([], place)
    assert run.agreement("TorchEmbedder") == VectorAgreement(cosine=0.99999996, rows=16)
    assert run.agreement("TextEmbedder") is None


def test_what_is_known_goes_with_the_models_files_and_a_broken_record_is_measured_again(
    tmp_path: Path,
) -> None:
    place = tiny_models.save(tmp_path / "model")
    agreement.directory().mkdir(parents=True)
    agreement.keep(str(place), {"TorchEmbedder": Agreement(cosine=1)})
    assert agreement.known(str(place)) == {"TorchEmbedder": Agreement(cosine=1)}
    agreement.stored(str(place)).write_text("[half")
    assert agreement.known(str(place)) is None
    agreement.keep(str(place), {})
    (place / "sentence_bert_config.json").write_text("{}")
    assert agreement.known(str(place)) is None


def test_the_rows_to_compare_are_short_and_long_ones_and_none_without_text() -> None:
    rows: list[str | None] = ["x" * n for n in range(100)]
    chosen = agreement.choose([*rows, None])
    assert len(chosen) == agreement.ROWS
    assert (len(chosen[0]), len(chosen[-1])) == (1, 99)
    assert agreement.choose(["only one", ""]) == ["only one"]


def test_vectors_of_nothing_are_the_same_and_have_no_cosine_with_others() -> None:
    zero, one = np.zeros((1, 3)), np.ones((1, 3))
    assert agreement.lowest_cosine(zero, zero) == 1
    assert agreement.lowest_cosine(zero, one) == 0


def test_a_comparison_that_could_not_be_made_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tiny_models.save(tmp_path / "model")
    waited = []
    nowhere = DatasetSource(str(tmp_path / "nowhere"), text_column="text")
    with pytest.raises(EngineError, match=r"could not be compared with encode: .+\. Choose"):
        conversion.ensure(str(place), nowhere, lambda: waited.append(1))
    assert waited == [1]


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_model_whose_vectors_are_no_numbers_is_refused_for_every_engine(
    monkeypatch: pytest.MonkeyPatch, broken: float
) -> None:
    reference = np.full((len(TEXTS), 3), broken, np.float32)
    monkeypatch.setattr(agreement, "encode", lambda model, texts: (reference, "f32"))
    rows = [find("TextEmbedder"), *F32]
    found = agreement.measure("m", TEXTS, rows, lambda row: "m")
    assert {one.refusal for one in found.values()} == {
        "encode gives vectors that are not numbers for this model"
    }
    assert list(found) == [row.name for row in rows]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("std::bad_alloc"),
        torch.AcceleratorError("CUDA error: the device is busy"),
        OSError(28, "No space left on device"),
    ],
)
def test_what_the_machine_lacks_at_the_moment_refuses_no_engine(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(model: str, texts: list[str]) -> None:
        raise error

    monkeypatch.setattr(agreement, "encode", fail)
    with pytest.raises(type(error)):
        agreement.measure("m", TEXTS, [find("TextEmbedder"), *F32], lambda row: "m")


def test_a_model_that_encode_cannot_run_is_refused_at_once_for_encode_too(tmp_path: Path) -> None:
    place = tiny_models.save(tmp_path / "model")
    agreement.directory().mkdir(parents=True)
    agreement.keep(str(place), agreement.refuse([find("TextEmbedder")], "encode fails"))
    with pytest.raises(RunError, match=r"encode fails\. Name another model with --model\."):
        context([], place).embedder("TextEmbedder", actors=1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_library_as_it_is_gives_float32_whatever_the_weights_are(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    place = tiny_models.save(tmp_path / "model", dtype=dtype)
    embedder = find("TextEmbedder").embedder(str(place), "text", 1)
    field = embedder(pa.table({"text": TEXTS})).schema.field("embedding")
    assert field.type == pa.list_(pa.float32(), tiny_models.WIDTH)


def test_a_model_that_reads_texts_as_chat_messages_is_refused_with_that_reason(
    tmp_path: Path,
) -> None:
    reads = tiny_models.tokenizer(model_max_length=32)
    reads.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    place = tiny_models.save(tmp_path / "model", reads=reads)
    with pytest.raises(EngineError, match=r"don't put texts into a chat template\. Choose engine"):
        find("TorchEmbedder").embedder.load(str(place), 1, 1)
