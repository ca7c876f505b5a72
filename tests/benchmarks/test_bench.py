"""The benchmarks' own arithmetic: a wrong figure there would be believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.contenders.job import arrived, read_arrivals
from bench.measures import throughput
from bench.measures.mistakes import cost
from bench.support import standings
from bench.support.memory_peaks import kind_of
from bench.support.rates import Rates, flops, median_rates, median_ratio, rates

ONE = Rates(steady=1.0, total=1.0)


def test_steady_leaves_out_start_up_and_the_rows_that_come_with_it():
    one = rates(0.0, 14.0, 140, [(10.0, 40), (11.0, 50), (12.0, 50)])
    assert one == Rates(steady=50.0, total=10.0)


def test_rows_that_cannot_be_seen_coming_count_from_the_call():
    assert rates(0.0, 10.0, 100, [], called_at=8.0) == Rates(steady=50.0, total=10.0)


def test_one_arrival_gives_no_rate():
    with pytest.raises(ValueError, match="fewer than two arrivals"):
        rates(0.0, 10.0, 100, [(9.0, 100)])


def test_arrivals_at_one_moment_give_no_rate():
    with pytest.raises(ValueError, match="gives no rate"):
        rates(0.0, 10.0, 100, [(9.0, 50), (9.0, 50)])


def test_medians_are_of_each_figure_for_itself():
    assert median_rates([Rates(1, 9), Rates(2, 1), Rates(9, 2)]) == Rates(2, 2)


def test_the_cost_of_a_mistake_is_the_median_of_its_runs():
    rounds = [{"actor": {"step": {"cost_s": seconds}}} for seconds in (3, 1, 90)]
    assert cost(rounds, "actor") == 3


def test_a_ratio_is_taken_within_a_round_and_only_where_both_ran():
    # Medians of all rounds would give 20 / 10; round 3 has no partner.
    assert median_ratio({1: 20, 2: 30, 3: 2}, {1: 10, 2: 10}) == 2.5
    with pytest.raises(ValueError, match="no round has both"):
        median_ratio({1: 1.0}, {2: 1.0})


def test_operations_of_an_encoder_count_matrices_and_attention():
    # One row of 3 tokens, hidden 2, inner 4: 2 * 3 * (16 + 16) + 4 * 9 * 2, twice.
    assert flops([3], layers=2, hidden=2, inner=4) == 2 * (192 + 72)


def test_arrivals_of_several_processes_come_back_in_the_order_of_time(tmp_path: Path):
    file = tmp_path / "arrivals"
    file.write_text("2.5 7\n1.25 3\n", encoding="utf-8")
    arrived(str(file), 5)
    (first, second, last) = read_arrivals(str(file))
    assert (first, second) == ((1.25, 3), (2.5, 7))
    assert last[1] == 5


def test_without_a_file_there_are_no_arrivals(tmp_path: Path):
    assert read_arrivals(str(tmp_path / "none")) == []


def test_contenders_are_chosen_by_the_first_part_of_their_names():
    names = throughput.contenders(["TorchEmbedder", "OpenVinoBf16Embedder"])
    assert throughput.chosen(names, None) == names
    assert throughput.chosen(names, "daft") == ["daft", "daft:OpenVinoBf16Embedder"]


def test_an_unknown_contender_is_rejected_by_name():
    names = throughput.contenders(["OpenVinoEmbedder"])
    with pytest.raises(SystemExit, match="--only names pandas: choose from bare, course"):
        throughput.chosen(names, "pandas")


def test_a_short_run_has_no_bars_and_is_noted_as_short():
    results = standings.Results()
    results.rates["ours:TorchEmbedder"][1] = Rates(2.0, 1.0)
    results.rates["encode"][1] = ONE
    (short,) = standings.ratios(results, rows=600, rounds=1)
    (full,) = standings.ratios(results, rows=10_000, rounds=5)
    assert short["value"] == 2.0
    assert "at_least" not in short
    assert full["at_least"] == 1.25
    assert "A short run" in standings.notes(results, rows=600, rounds=1)[0]
    assert "A short run" not in standings.notes(results, rows=10_000, rounds=5)[0]
    assert "A short run" not in standings.notes(results, rows=3_000, rounds=5)[0]


def test_a_run_counts_from_its_begin_where_ray_is_up():
    one = rates(0.0, 14.0, 140, [(10.0, 40), (11.0, 100)], run_at=7.0)
    assert (one.total, one.run) == (10.0, 20.0)
    assert median_rates([one, ONE]).run == 20.0


def test_the_total_has_its_bar_at_3000_rows_and_only_there():
    results = standings.Results()
    results.rates["ours:OpenVinoBf16Embedder"][1] = Rates(9.0, 6.0)
    results.rates["course"][1] = ONE
    _, at_3000 = standings.ratios(results, rows=3000, rounds=5)
    _, at_10000 = standings.ratios(results, rows=10_000, rounds=5)
    assert (at_3000["value"], at_3000["at_least"]) == (6.0, 5.0)
    assert "at_least" not in at_10000


def test_runs_are_compared_from_their_begin_where_both_have_one():
    results = standings.Results()
    results.rates["ours:OpenVinoEmbedder"][1] = Rates(9.0, 6.0, 8.0)
    results.rates["course"][1] = Rates(1.0, 1.0, 2.0)
    results.rates["encode"][1] = ONE
    said = {one["what"]: one["value"] for one in standings.ratios(results, rows=10_000, rounds=5)}
    (begun,) = (what for what in said if what.endswith("from the run's begin"))
    assert said[begun] == 4.0
    assert len([one for one in standings.table(results, {}) if "begin" in one["what"]]) == 2


def test_an_excluded_contender_is_named_with_the_reason():
    results = standings.Results()
    results.left_out["spark"] = "there is no Java here"
    said = standings.notes(results, rows=600, rounds=1)
    assert "PySpark, pandas UDF: not measured, there is no Java here." in said


def test_wrong_vectors_are_rejected(tmp_path: Path):
    np.save(tmp_path / "vectors.npy", np.eye(4, dtype=np.float32))
    sample = np.array([0, 2])
    right = (sample, np.eye(4)[sample])
    wrong = (sample, np.eye(4)[[0, 3]])
    assert throughput.lowest_cosine(right, tmp_path, 4, 4) == 1.0
    with pytest.raises(throughput.NotMeasuredError, match=r"cosine 0\.0000"):
        throughput.lowest_cosine(wrong, tmp_path, 4, 4)
    with pytest.raises(throughput.NotMeasuredError, match="3 rows of 4"):
        throughput.lowest_cosine(right, tmp_path, 3, 4)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["python", "-m", "demo_server.driver", "--wait"], "driver"),
        (["ray::MapWorker(MapBatches(TextEmbedder))"], "actor"),
        (["ray::IDLE"], "other worker"),
        (["/site-packages/ray/core/src/ray/raylet/raylet", "--x"], "raylet"),
        (["/site-packages/ray/core/src/ray/gcs/gcs_server"], "head"),
        (["bash"], None),
        ([], None),
    ],
)
def test_memory_is_grouped_by_kind_of_process(words: list[str], kind: str | None):
    assert kind_of(words) == kind
