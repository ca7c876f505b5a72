"""Every experiment on real Ray with the real model, as the slides run it."""

from __future__ import annotations

import ast
import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from demo_server.data import source
from demo_server.data.cleaning import drop_empty
from demo_server.data.selection import choose
from demo_server.driver import describe, loader
from demo_server.embedding import model
from demo_server.experiments import errors, ladder
from demo_server.protocol import driver_messages
from demo_server.protocol.driver_messages import DescribeOptions
from demo_server.protocol.event_kinds import event
from demo_server.system.checkout import EXPERIMENTS
from demo_server.system.outline import Outline
from tests.support.ray_cluster import Outside, RayCluster
from tests.support.real_driver import Messages, RealDriver, events

ROWS = 300
RACE_ROWS = 12
SMALL: dict[str, Any] = {
    "rows": ROWS,
    "most_rows": ROWS,
    "lane_rows": RACE_ROWS,
    "blocks": 3,
    "batch_size": 100,
    "seed": 7,
}


@pytest.fixture(scope="module")
def descriptions() -> dict[str, driver_messages.Description]:
    described = describe.describe(DescribeOptions())
    assert described.errors == []
    return {d.name: d for d in described.experiments}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def ran(
    ray_head: RayCluster, descriptions: dict[str, driver_messages.Description], directory: Path
) -> dict[str, Messages]:
    """What each experiment said, run in one driver; those that ask a result come last.

    An experiment that is added is run here without a change, with its own defaults but few rows;
    what it offers while it runs is done.
    """
    order = sorted(descriptions, key=lambda n: (descriptions[n].uses_held, n == "shutdown", n))
    with RealDriver(ray_head.address, ray_head.env()) as driver:
        assert driver.ready()["type"] == "ready"
        return {
            name: driver.run(
                name, directory, actions=descriptions[name].actions, **small(descriptions[name])
            )
            for name in order
        }


def small(description: driver_messages.Description) -> dict[str, Any]:
    if description.name == "out_of_memory":  # its rows are what doesn't fit
        return dict(description.defaults)
    return {**description.defaults, **{k: v for k, v in SMALL.items() if k in description.defaults}}


def expected_texts() -> dict[str, str]:
    """The rows that a run of SMALL takes, by id, in order."""
    found = source.resolve(None, None)
    dataset, _ = drop_empty(found.load(), found.text_column)
    rows = choose(dataset, ROWS, SMALL["seed"])
    return dict(zip(rows["id"], rows["text"], strict=True))


def test_every_experiment_succeeds_with_its_defaults(ran: dict[str, Messages]) -> None:
    assert {name: messages[-1]["status"] for name, messages in ran.items()} == dict.fromkeys(
        loader.names(), "succeeded"
    )


def test_every_event_is_one_of_the_protocol(ran: dict[str, Messages]) -> None:
    said = [m for messages in ran.values() for m in messages if m["type"] == "event"]
    for number, message in enumerate(said, start=1):
        fields = {k: message[k] for k in ("kind", "stage", "data") if k in message}
        event.validate_python({"seq": number, "t": 0, **fields})


def statements_of(text: str, region: loader.Region) -> list[int]:
    """Return the lines of a file on which a statement of `region` begins, docstrings left out."""
    return sorted(
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.stmt)
        and region.first <= node.lineno <= region.last
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    )


def test_every_line_of_every_region_on_a_slide_is_run(
    ran: dict[str, Messages], ran_lines: Path
) -> None:
    idle = []
    for path in sorted(EXPERIMENTS.glob("*.py")):
        text = path.read_text()
        regions = loader.regions(text)
        if not regions:
            continue
        lines = {int(n) for n in (ran_lines / path.stem).read_text().split()}
        for region in regions:
            statements = statements_of(text, region)
            assert statements, f"{path.name}: region {region.name} has no statement"
            idle += [f"{path.name}:{n} in {region.name}" for n in statements if n not in lines]
    assert idle == []


def test_the_counts_of_rows_add_up_in_every_run_that_reads_the_dataset(
    ran: dict[str, Messages], descriptions: dict[str, driver_messages.Description]
) -> None:
    for name, messages in ran.items():
        if name == "shutdown":
            continue
        counts = events(messages, "result")[-1]["counts"]
        assert counts["in_file"] == counts["read"] == source.resolve(None, None).rows, name
        parts = ("dropped", "left_out", "lost", "out")
        assert sum(counts[part] for part in parts) == counts["read"], name
        if name == "dataset":
            assert counts["out"] == counts["read"]
        if name in ("dataset", "errors"):  # they call no model
            assert counts["embedded"] == 0
        else:
            assert (counts["embedded"], counts["lost"]) == (counts["out"], 0), name
        if name in ("embed", "show", "recovery", "ladder", "padding"):
            assert counts["out"] == ROWS, name


def test_rows_that_an_error_loses_are_in_the_counts(ran: dict[str, Messages]) -> None:
    [result] = events(ran["errors"], "result")
    outcomes = [outcome_of(ran["errors"], name) for name in errors.stages]
    lost = [one["rows_in"] - one["rows_out"] for one in outcomes if "rows_out" in one]
    assert result["counts"]["lost"] == max(lost) > 0


def test_embed_returns_each_input_row_once_and_in_order(
    ran: dict[str, Messages], directory: Path
) -> None:
    table = pq.read_table(directory / "result.parquet")
    got = dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    assert table.num_rows == ROWS
    assert list(got.items()) == list(expected_texts().items())
    assert {"word", "category", "embedding"} <= set(table.column_names)


def test_embeddings_are_those_of_sentence_transformers(
    ran: dict[str, Messages], directory: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    table = pq.read_table(directory / "result.parquet").slice(0, 100)
    got = np.stack(table["embedding"].to_numpy())
    assert got.dtype == np.float32
    assert got.shape == (100, 384)
    reference = SentenceTransformer(model.resolve(None).path).encode(table["text"].to_pylist())
    norms = np.linalg.norm(got, axis=1) * np.linalg.norm(reference, axis=1)
    assert ((got * reference).sum(axis=1) / norms).min() >= 0.9999


def test_embed_names_its_operators_and_counts_to_the_last_row(ran: dict[str, Messages]) -> None:
    [plan] = events(ran["embed"], "plan")
    assert [o["name"] for o in plan["operators"]] == ["MapBatches(TextEmbedder)"]
    assert plan["total_rows"] == ROWS
    assert plan["reason"].endswith("1 actor x 1 CPU = 1 of 2 CPUs")
    assert " an actor on " in plan["reason"]
    progress = events(ran["embed"], "progress")
    rows = [p["rows"] for p in progress]
    assert rows == sorted(rows)
    assert progress[-1]["rows"] == progress[-1]["total"] == ROWS
    assert [o["rows"] for o in progress[-1]["operators"]] == [ROWS]
    assert any(p["operators"][0]["actors"] == 1 for p in progress)


def test_sample_rows_are_real_ones_with_their_embedding(
    ran: dict[str, Messages], directory: Path
) -> None:
    table = pq.read_table(directory / "result.parquet")
    vectors = dict(zip(table["id"].to_pylist(), table["embedding"].to_pylist(), strict=True))
    texts = expected_texts()
    batches = events(ran["embed"], "rows")
    assert sum(batch["batch_rows"] for batch in batches) == ROWS
    for batch in batches:
        assert batch["batch_seconds"] > 0
        assert 1 <= len(batch["rows"]) <= 4
        for row in batch["rows"]:
            assert row["text"] == texts[row["id"]][:200]
            assert row["columns"]["category"]
            packed = np.frombuffer(base64.b64decode(row["embedding"]), np.int8)
            assert row["dim"] == packed.size == 384
            error = np.abs(packed * row["scale"] - np.array(vectors[row["id"]])).max()
            assert error <= row["scale"] * 0.51


def test_embed_reports_the_machine_while_it_works(
    ran: dict[str, Messages], descriptions: dict[str, driver_messages.Description]
) -> None:
    metrics = events(ran["embed"], "metrics")
    assert metrics
    assert all(0 <= m["cpu_percent"] <= 100 for m in metrics)
    assert all(m["object_store_total_bytes"] == 300_000_000 for m in metrics)
    assert any(actor["memory_bytes"] > 50e6 for m in metrics for actor in m["actors"])
    # Ray Data's own are not among them.
    concurrency = descriptions["embed"].defaults["concurrency"]
    assert max(len(m["actors"]) for m in metrics) == concurrency


def test_the_result_shows_the_original_and_the_materialized_dataset(
    ran: dict[str, Messages], directory: Path
) -> None:
    [result] = events(ran["embed"], "result")
    assert result["before"].startswith("MapBatches(TextEmbedder)")
    assert f"shape: ({ROWS}, 6)" in result["after"]
    assert result["rows"] == ROWS
    assert result["blocks"] == 3
    assert {"name": "embedding", "type": "float32[384]"} in result["columns"]
    first = pq.read_table(directory / "result.parquet")["id"].to_pylist()[:3]
    assert [row["id"] for row in result["first_rows"]] == first
    assert "MapBatches(TextEmbedder)" in result["stats"]
    assert result["seconds"] > 0


def test_show_asks_the_dataset_that_embed_left(ran: dict[str, Messages]) -> None:
    assert ran["embed"][-1]["holds"]
    [embedded], [shown] = events(ran["embed"], "result"), events(ran["show"], "result")
    for field in ("before", "after", "rows", "columns", "first_rows"):
        assert shown[field] == embedded[field]


def test_peek_embeds_one_batch(ran: dict[str, Messages]) -> None:
    [result] = events(ran["peek"], "result")
    assert result["rows"] == SMALL["batch_size"]
    assert {"name": "embedding", "type": "float32[384]"} in result["columns"]
    assert sum(batch["batch_rows"] for batch in events(ran["peek"], "rows")) == 100


def test_dataset_cuts_the_whole_dataset_into_blocks(ran: dict[str, Messages]) -> None:
    [result] = events(ran["dataset"], "result")
    assert result["blocks"] == SMALL["blocks"]
    assert result["rows"] == source.resolve(None, None).rows
    assert "num_rows" in result["before"]


def test_a_large_batch_fails_for_real_and_a_small_one_passes(ran: dict[str, Messages]) -> None:
    [failure] = events(ran["out_of_memory"], "failure", "large_batch")
    assert failure["expected"]
    assert "allocate memory" in failure["message"]
    assert not events(ran["out_of_memory"], "rows", "large_batch")
    assert events(ran["out_of_memory"], "failure", "small_batch") == []
    last = events(ran["out_of_memory"], "progress", "small_batch")[-1]
    assert last["rows"] == last["total"] > 0


def test_a_killed_worker_is_replaced_and_every_row_comes_exactly_once(
    ran: dict[str, Messages],
) -> None:
    notes = [note["text"] for note in events(ran["recovery"], "note")]
    assert any("died: it was killed" in note for note in notes)
    figures = {f["name"]: f["value"] for f in events(ran["recovery"], "result")[-1]["figures"]}
    assert figures["kills"] == 1
    assert figures["recovery_s"] > 0
    assert figures["rows_once"] == ROWS
    workers = {batch["worker"] for batch in events(ran["recovery"], "rows")}
    assert len(workers) == 2


def figures_of(messages: Messages, stage: str | None = None) -> dict[str, Any]:
    return {f["name"]: f["value"] for f in events(messages, "result", stage)[-1]["figures"]}


def step_of(messages: Messages, stage: str) -> dict[str, Any]:
    [step] = events(messages, "step", stage)
    return step


def passes_of(messages: Messages, stage: str) -> list[dict[str, int]]:
    [found] = events(messages, "passes", stage)
    return found["passes"]


def total(passes: list[dict[str, int]], of: str) -> int:
    return sum(one[of] for one in passes)


def outcome_of(messages: Messages, stage: str) -> dict[str, Any]:
    [outcome] = events(messages, "outcome", stage)
    return outcome


def comparison_of(messages: Messages) -> dict[str, Any]:
    [comparison] = events(messages, "comparison")
    return comparison


def test_every_step_of_the_ladder_gives_the_same_embeddings_as_sentence_transformers(
    ran: dict[str, Messages], directory: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    assert comparison_of(ran["ladder"])["cosine"] >= 0.9999
    table = pq.read_table(directory / "parquet")
    assert table.num_rows == len(set(table["id"].to_pylist())) == ROWS
    got = np.stack(table.slice(0, 100)["embedding"].to_pylist())
    texts = table["text"].to_pylist()[:100]
    reference = SentenceTransformer(model.resolve(None).path).encode(texts)
    norms = np.linalg.norm(got, axis=1) * np.linalg.norm(reference, axis=1)
    assert ((got * reference).sum(axis=1) / norms).min() >= 0.9999


def test_each_step_of_the_ladder_reports_what_it_took_in_its_own_stage(
    ran: dict[str, Messages],
) -> None:
    for name, title, share in ladder.STEPS:
        [step] = events(ran["ladder"], "step", name)
        assert step["title"] == title
        assert step["rows"] == max(ladder.LEAST_ROWS, round(ROWS * share))
        assert step["cost_s"] == pytest.approx(1000 / step["rate"])
        rows = [p["rows"] for p in events(ran["ladder"], "progress", name)]
        assert rows[-1] == step["rows"]
    first, last = ladder.STEPS[0][0], ladder.STEPS[-1][0]
    assert step_of(ran["ladder"], first)["cost_s"] > step_of(ran["ladder"], last)["cost_s"]


@pytest.mark.parametrize("name", ["ladder", "errors"])
def test_the_slide_shows_the_code_of_each_stage_that_is_compared_in_its_order(
    built_outline: Outline, name: str
) -> None:
    [shown] = [
        [region.region for region in slide.regions]
        for slide in built_outline.slides
        if slide.experiment == name and slide.starts
    ]
    assert shown == list(loader.load(name).module.stages)


def test_json_takes_more_bytes_than_parquet_for_the_same_rows(ran: dict[str, Messages]) -> None:
    [as_json] = events(ran["ladder"], "export", "json")
    [parquet] = events(ran["ladder"], "export", "parquet")
    assert as_json["disk_bytes"] > 2 * parquet["disk_bytes"]
    assert parquet["read_s"] > 0


def test_rows_that_are_collected_in_the_driver_leave_nothing_on_disk(
    ran: dict[str, Messages],
) -> None:
    [taken] = events(ran["ladder"], "export", "take_all")
    assert taken["write_s"] > 0
    assert taken.get("disk_bytes") is None


def test_the_race_embeds_the_same_rows_in_both_lanes_and_computes_its_ratio(
    ran: dict[str, Messages],
) -> None:
    lanes = [step_of(ran["race"], lane) for lane in ("slow", "fast")]
    assert [lane["rows"] for lane in lanes] == [RACE_ROWS, RACE_ROWS]
    comparison = comparison_of(ran["race"])
    assert comparison["ratio"] == pytest.approx(lanes[0]["cost_s"] / lanes[1]["cost_s"])
    assert comparison["ratio"] > 1
    assert comparison["cosine"] >= 0.9999


def test_each_form_of_an_error_reports_its_outcome_in_its_own_stage(
    ran: dict[str, Messages],
) -> None:
    for name, title in errors.stages.items():
        outcome = outcome_of(ran["errors"], name)
        assert (outcome["title"], outcome["rows_in"]) == (title, ROWS)


RAISES = {
    "list_wrong": ("ValueError", "Returning a list of objects"),
    "format_wrong": ("AttributeError", "'dict' object has no attribute 'assign'"),
    "lengths_wrong": ("", "length"),
    "compute_wrong": ("ValueError", "TaskPoolStrategy or ActorPoolStrategy, was: tasks"),
    "setting_wrong": ("ValueError", "Invalid option keyword preserve_order"),
    "pickle_wrong": ("TypeError", "cannot pickle '_thread.lock' object"),
}


@pytest.mark.parametrize("name", RAISES)
def test_each_mistake_raises_with_the_message_of_this_ray(
    ran: dict[str, Messages], name: str
) -> None:
    outcome = outcome_of(ran["errors"], name)
    kind, words = RAISES[name]
    assert outcome["outcome"] == "raised"
    assert outcome["exception"].startswith(kind)
    assert words in outcome["message"]
    assert len(outcome["message"]) <= errors.MOST_WORDS
    assert outcome["remedy"] == errors.REMEDIES[name]
    assert "rows_out" not in outcome


def test_swallowed_rows_are_missing_without_an_exception(
    ran: dict[str, Messages],
) -> None:
    block = -(-ROWS // errors.BLOCKS)
    for name, lost in (("swallowed_wrong", 2), ("swallowed_block", 2 * block)):
        outcome = outcome_of(ran["errors"], name)
        assert (outcome["outcome"], outcome["rows_out"]) == ("silent", ROWS - lost)
        assert outcome["message"] == errors.SILENCES[name]
        assert outcome["remedy"] == errors.REMEDIES[name]


def test_concurrency_next_to_compute_is_ignored(ran: dict[str, Messages]) -> None:
    ignored, fixed = (outcome_of(ran["errors"], name) for name in ("both_wrong", "both_fixed"))
    assert (ignored["outcome"], ignored["processes"]) == ("silent", 1)
    assert (fixed["outcome"], fixed["processes"]) == ("worked", 2)


def test_a_fixed_form_gives_every_row_and_reports_nothing(ran: dict[str, Messages]) -> None:
    for name in errors.stages:
        if name.endswith("_fixed"):
            outcome = outcome_of(ran["errors"], name)
            assert (outcome["outcome"], outcome["rows_out"]) == ("worked", ROWS)
            assert "message" not in outcome
    figures = figures_of(ran["errors"])
    assert figures["raised"] == len(RAISES)
    assert figures["lost"] == 2 + 2 * -(-ROWS // errors.BLOCKS)


def test_rows_sorted_by_length_need_less_padding_and_give_the_same_vectors(
    ran: dict[str, Messages],
) -> None:
    in_order, by_length = (step_of(ran["padding"], name) for name in ("in_order", "by_length"))
    assert in_order["rows"] == by_length["rows"] == ROWS
    unsorted, by_tokens = (passes_of(ran["padding"], name) for name in ("in_order", "by_length"))
    assert total(unsorted, "tokens") == total(by_tokens, "tokens") > ROWS
    assert total(unsorted, "padding") > 2 * total(by_tokens, "padding")
    assert len(unsorted) == -(-ROWS // 64)
    comparison = comparison_of(ran["padding"])
    assert comparison["ratio"] == pytest.approx(in_order["cost_s"] / by_length["cost_s"])
    assert comparison["cosine"] >= 0.9999


def test_the_tokens_of_the_passes_are_those_of_the_rows(ran: dict[str, Messages]) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model.resolve(None).path)
    found = source.resolve(None, None)
    dataset, _ = drop_empty(found.load(), found.text_column)
    texts = choose(dataset, ROWS)[found.text_column]
    lengths = [len(ids) for ids in tokenizer(list(texts))["input_ids"]]
    passes = passes_of(ran["padding"], "in_order")
    assert total(passes, "tokens") == sum(lengths)
    assert passes[0]["padding"] == 64 * max(lengths[:64]) - sum(lengths[:64])


def checks_of(messages: Messages) -> dict[str, dict[str, Any]]:
    [found] = events(messages, "checks")
    return {check["name"]: check for check in found["checks"]}


def test_the_doctor_checks_embed_in_all_six_ways(ran: dict[str, Messages]) -> None:
    checks = checks_of(ran["embed"])
    assert list(checks) == ["loaded", "busy", "full", "padded", "fed", "complete"]
    assert [checks[name]["state"] for name in ("loaded", "full", "complete")] == ["ok"] * 3
    assert checks["loaded"]["figure"]["value"] == 1
    assert checks["full"]["figure"]["label"] == f"a call, of {SMALL['batch_size']}"
    assert 0 < checks["padded"]["figure"]["value"] < 50
    assert checks["complete"]["figure"]["value"] == 0
    assert f"of {ROWS}" in checks["complete"]["figure"]["label"]
    assert ("figure" in checks["busy"]) != ("reason" in checks["busy"])


def test_the_doctor_checks_every_run_on_ray_and_counts_every_row(
    ran: dict[str, Messages], descriptions: dict[str, driver_messages.Description]
) -> None:
    for name, messages in ran.items():
        if descriptions[name].uses_held:
            assert events(messages, "checks") == []
        else:
            assert checks_of(messages)["complete"]["state"] == "ok", name


def test_code_that_calls_no_model_is_not_judged_by_one(
    ran: dict[str, Messages],
) -> None:
    plain = checks_of(ran["dataset"])
    assert {plain[name]["state"] for name in ("loaded", "full", "padded")} == {"unknown"}
    assert plain["complete"]["state"] == "ok"


def test_no_request_leaves_this_machine(
    ran: dict[str, Messages], ray_head: RayCluster, outside: Outside
) -> None:
    before = list(outside.asked)
    asking = "import httpx; httpx.get('http://example.org')"
    subprocess.run(
        [sys.executable, "-c", asking], env=ray_head.env(), check=False, capture_output=True
    )
    assert before == []
    assert outside.asked == ["GET http://example.org/ HTTP/1.1"]  # it would have been seen
    outside.asked.clear()


def test_shutdown_asks_for_the_end_of_ray(ran: dict[str, Messages]) -> None:
    assert ran["shutdown"][-1]["end_ray"]
    assert not ran["embed"][-1]["end_ray"]
