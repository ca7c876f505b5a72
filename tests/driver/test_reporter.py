"""What runs in place of a pipeline's code, and reports it."""

from __future__ import annotations

import base64
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from ray import cloudpickle

from demo_server.driver.observe import library
from demo_server.driver.observe import reporter as reporter_module
from demo_server.driver.observe.mailbox import Mailbox, find_mailbox
from demo_server.driver.observe.reporter import (
    MIN_INTERVAL_S,
    Reporter,
    observed,
    step_of,
    work_of,
)
from demo_server.embedding import counters, model


class Doubler:
    """Doubles."""

    def __init__(self, factor: int = 2) -> None:
        self.factor = factor

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {**batch, "n": batch["n"] * self.factor}


class Slot:
    """A mailbox in this process."""

    def __init__(self) -> None:
        self.samples: list[dict[str, Any]] = []
        self.put = self

    def remote(self, sample: dict[str, Any]) -> None:
        self.samples.append(sample)


BATCH = {"n": np.arange(10), "text": np.array([f"row {i}" for i in range(10)], dtype=object)}


def test_without_a_run_to_report_to_the_class_does_what_it_did() -> None:
    assert find_mailbox() is None
    plain, watched = Doubler(factor=3)(BATCH), observed(Doubler)(factor=3)(BATCH)
    assert watched.keys() == plain.keys()
    assert (watched["n"] == plain["n"]).all()


def test_the_class_keeps_the_name_that_the_slide_shows() -> None:
    watched = observed(Doubler)
    assert watched.__name__ == "Doubler"
    assert issubclass(watched, Doubler)


def test_observed_code_is_distinguished_from_other_code() -> None:
    steps = {step_of(observed(code)) for code in (Doubler, Doubler, len)}
    assert len(steps - {None}) == 3
    assert step_of(Doubler) is None
    assert step_of(None) is None


def test_the_class_can_be_sent_to_a_worker() -> None:
    watched = cloudpickle.loads(cloudpickle.dumps(observed(Doubler)))  # type: ignore[no-untyped-call]
    assert (watched()(BATCH)["n"] == np.arange(10) * 2).all()


def test_a_sample_has_rows_of_the_result_its_time_and_its_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slot = Slot()
    monkeypatch.setattr(reporter_module, "find_mailbox", lambda: slot)
    observed(Doubler)()(BATCH)
    [sample] = slot.samples
    assert [row["text"] for row in sample["rows"]] == ["row 0", "row 2", "row 5", "row 7"]
    assert [row["columns"]["n"] for row in sample["rows"]] == [0, 4, 10, 14]
    assert sample["batch_rows"] == 10
    assert sample["batch_seconds"] >= 0
    assert sample["finished_at"] > 1.7e12
    assert sample["worker"]


class Passing:
    """Embeds in passes."""

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        vectors = np.zeros((10, 3), np.float32)
        for rows in (np.array([9, 4, 0]), np.array([1, 2, 3, 5, 6, 7, 8])):
            time.sleep(MIN_INTERVAL_S)
            vectors[rows] = rows[:, None]
            counters.embedded(rows, vectors[rows])
        return {**batch, "embedding": vectors}


def test_each_forward_pass_is_sampled_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    slot = Slot()
    monkeypatch.setattr(reporter_module, "find_mailbox", lambda: slot)
    observed(Passing)()(BATCH)
    first, second = slot.samples
    assert [row["text"] for row in first["rows"]] == ["row 9", "row 4", "row 0"]
    assert [row["id"] for row in first["rows"]] == ["9", "4", "0"]
    assert [round(row["norm"] / 3**0.5) for row in first["rows"]] == [9, 4, 0]
    assert [first["batch_rows"], second["batch_rows"]] == [3, 7]
    assert first["batch_seconds"] >= MIN_INTERVAL_S
    assert second["batch_seconds"] < 2 * MIN_INTERVAL_S + 0.5


def test_passes_over_a_table_are_sampled_from_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    class OverTable:
        def __call__(self, batch: pa.Table) -> pa.Table:
            rows = np.array([7, 2])
            counters.embedded(rows, np.ones((2, 3), np.float32))
            return batch

    slot = Slot()
    monkeypatch.setattr(reporter_module, "find_mailbox", lambda: slot)
    table = pa.table({name: list(column) for name, column in BATCH.items()})
    assert observed(OverTable)()(table) is table
    assert [row["text"] for row in slot.samples[0]["rows"]] == ["row 7", "row 2"]
    assert [row["dim"] for row in slot.samples[0]["rows"]] == [3, 3]


def test_passes_over_a_batch_of_another_kind_count_by_their_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class OverRows:
        def __call__(self, batch: list[str]) -> list[str]:
            counters.embedded(np.array([7, 2]), np.ones((2, 3), np.float32))
            return batch

    slot = Slot()
    monkeypatch.setattr(reporter_module, "find_mailbox", lambda: slot)
    rows = [f"row {i}" for i in range(10)]
    assert observed(OverRows)()(rows) is rows
    assert [slot.samples[0][name] for name in ("batch_rows", "work")] == [2, 2]


def test_passes_that_come_too_fast_are_counted_in_the_next_sample() -> None:
    slot = Slot()
    reporter = Reporter(slot, text_column="text")  # type: ignore[arg-type]
    reporter.begin(BATCH)
    for _ in range(50):
        reporter.passed(np.array([3, 1]), np.ones((2, 3)))
    time.sleep(MIN_INTERVAL_S)
    reporter.finish({"n": np.arange(100)})
    assert len(slot.samples) < 50
    assert sum(sample["batch_rows"] for sample in slot.samples) == 100


def test_each_sample_has_the_counts_since_the_previous_one() -> None:
    slot = Slot()
    reporter = Reporter(slot, text_column="text")  # type: ignore[arg-type]
    counters.take()
    counters.loaded()
    for lengths in ([8, 8], [2, 10], [5]):
        reporter.begin(BATCH)
        counters.passed(lengths)
        time.sleep(MIN_INTERVAL_S)
        reporter.finish({"n": np.arange(len(lengths))})
    told = [[s[name] for name in ("calls", "models", "tokens", "padding")] for s in slot.samples]
    assert told == [[1, 1, 16, 0], [1, 0, 12, 8], [1, 0, 5, 0]]


def test_a_call_is_counted_with_its_first_rows() -> None:
    slot = Slot()
    reporter = Reporter(slot, text_column="text")  # type: ignore[arg-type]
    for _ in range(3):
        reporter.begin(BATCH)
        for rows in ([0, 1], [2, 3]):
            time.sleep(MIN_INTERVAL_S)
            reporter.passed(np.array(rows), np.ones((2, 3)))
        reporter.finish({"n": BATCH["n"][:4]})
    assert [sample["calls"] for sample in slot.samples] == [1, 0] * 3


def test_batches_that_come_faster_than_can_be_shown_are_not_all_sampled() -> None:
    slot = Slot()
    reporter = Reporter(slot, text_column="text")  # type: ignore[arg-type]
    for _ in range(50):
        reporter.begin(BATCH)
        reporter.finish(BATCH)
    assert 1 <= len(slot.samples) < 50
    assert MIN_INTERVAL_S <= 0.1


def test_a_result_that_is_not_a_batch_of_columns_is_passed_through() -> None:
    slot = Slot()
    reporter = Reporter(slot, text_column="text")  # type: ignore[arg-type]
    for result in (iter([BATCH]), {}):
        reporter.begin(BATCH)
        reporter.finish(result)
    assert slot.samples == []


def test_a_class_that_fails_fails_as_it_would_have() -> None:
    with pytest.raises(KeyError, match="n"):
        observed(Doubler)()({"other": np.arange(3)})


async def test_the_mailbox_returns_each_sample_once_and_keeps_the_newest() -> None:
    mailbox = Mailbox()
    assert await mailbox.take(0.01) == []
    for number in range(300):
        await mailbox.put({"number": number})
    assert [s["number"] for s in await mailbox.take(1)] == list(range(300 - 256, 300))
    assert await mailbox.take(0.01) == []


async def test_a_waiting_reader_of_the_mailbox_can_be_woken() -> None:
    mailbox = Mailbox()
    await mailbox.wake()
    assert await mailbox.take(60) == []


@pytest.mark.parametrize("batch", [BATCH, pa.table({k: list(v) for k, v in BATCH.items()})])
def test_rows_that_no_pass_has_reported_are_reported_at_the_end_of_the_call(batch: Any) -> None:
    slot = Slot()
    reporter = Reporter(slot, text_column="text")  # type: ignore[arg-type]
    reporter.begin(batch)
    reporter.passed_texts(["row 3", "no row of it", "row 1"], np.eye(3))
    time.sleep(MIN_INTERVAL_S)
    reporter.finish(batch)
    first, second = slot.samples
    assert [(row["id"], row["text"]) for row in first["rows"]] == [("3", "row 3"), ("1", "row 1")]
    assert [first["batch_rows"], second["batch_rows"]] == [2, 8]


def test_a_pass_counts_by_its_text_and_a_whole_call_by_its_rows() -> None:
    slot = Slot()
    reporter = Reporter(slot, text_column="text")  # type: ignore[arg-type]
    texts = ["a" * 2, "b" * 12, "c" * 12, None]
    reporter.begin({"text": np.array(texts, dtype=object)})
    for rows in ([3, 0], [1]):
        time.sleep(MIN_INTERVAL_S)
        reporter.passed(np.array(rows), np.ones((len(rows), 3)))
    time.sleep(MIN_INTERVAL_S)
    reporter.finish({"n": np.arange(4)})
    short, long, rest = (sample["work"] for sample in slot.samples)
    assert short < long
    assert long == pytest.approx(rest)
    assert short + long + rest == pytest.approx(4)


def test_a_text_of_which_models_read_a_part_counts_as_that_part() -> None:
    work = work_of(["a" * 1000, "b" * 50_000, ""], 3)
    assert work[0] == work[1]
    assert work[2] > 0
    assert work_of([], 3).tolist() == [1, 1, 1]


class Library:
    """What an audience would write."""

    def __init__(self) -> None:
        from sentence_transformers import SentenceTransformer

        self.model = SentenceTransformer(model.resolve(None).path, device="cpu")

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        vectors = self.model.encode(batch["text"].tolist(), batch_size=4)
        return {**batch, "embedding": vectors}


def test_passes_of_sentence_transformers_are_reported_with_their_own_texts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slot = Slot()
    monkeypatch.setattr(reporter_module, "find_mailbox", lambda: slot)
    monkeypatch.setattr(reporter_module, "MIN_INTERVAL_S", 0.0)
    counters.take()
    texts = ["a word", "two of the words", "one", "and a sentence of many more words", "one"] * 2
    batch = {"text": np.array(texts, object)}
    result = observed(Library, "text")()(batch)
    rows = {int(row["id"]): row for sample in slot.samples for row in sample["rows"]}
    assert sorted(rows) == list(range(10))
    for number, row in rows.items():
        assert row["text"] == texts[number]
        packed = np.frombuffer(base64.b64decode(row["embedding"]), np.int8) * row["scale"]
        assert np.abs(packed - result["embedding"][number]).max() <= row["scale"] * 0.51
    assert [sample["batch_rows"] for sample in slot.samples] == [4, 4, 2]
    assert [sample["models"] for sample in slot.samples] == [1, 0, 0]
    own = Library().model.tokenizer(texts, padding=False)["input_ids"]
    assert sum(sample["tokens"] for sample in slot.samples) == sum(map(len, own))
    assert sum(sample["padding"] for sample in slot.samples) > 0


def test_an_attribute_that_is_not_a_model_of_the_library_is_left_alone() -> None:
    value = Doubler()
    before = dict(vars(value))
    library.watch(value, lambda texts, vectors: None)
    assert vars(value) == before


async def coroutine(batch: dict[str, Any]) -> dict[str, Any]:
    return batch


def test_code_that_is_not_called_as_a_function_is_not_observed() -> None:
    assert observed(coroutine) is coroutine
