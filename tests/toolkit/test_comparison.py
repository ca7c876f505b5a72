"""What a step of a comparison is measured by."""

from __future__ import annotations

import numpy as np
import pytest

from demo_server.protocol.errors import RunError
from demo_server.protocol.events import StepData
from demo_server.toolkit.comparison import Step, check_same, lowest_cosine


def step(title: str, *vectors: list[float]) -> Step:
    found = {str(n): np.array(vector, np.float32) for n, vector in enumerate(vectors)}
    return Step("stage", title, len(found), len(found), 1.0, 0.5, found)


def test_the_cost_is_for_a_thousand_rows_and_leaves_the_first_call_out() -> None:
    measured = Step("stage", "A step", rows=16, timed=8, seconds=2.0, start_s=0.5, vectors={})
    assert measured.data() == StepData(
        title="A step", rows=16, seconds=2.0, start_s=0.5, cost_s=250.0, rate=4.0
    )


def test_embeddings_are_compared_row_by_row_whatever_their_length() -> None:
    reference = step("last", [1, 0], [0, 2], [3, 3]).vectors
    assert lowest_cosine(step("few", [5, 0], [0, 1]).vectors, reference) == pytest.approx(1.0)
    assert lowest_cosine(step("other", [1, 0], [1, 0]).vectors, reference) == pytest.approx(0.0)


def test_a_step_that_gives_other_embeddings_ends_the_run_by_its_name() -> None:
    reference = step("last", [1, 0], [0, 1]).vectors
    assert check_same([step("same", [1, 0])], reference) == pytest.approx(1.0)
    with pytest.raises(RunError, match=r"tilted: other embeddings, cosine 0\.99"):
        check_same([step("same", [1, 0]), step("tilted", [1, 0.1])], reference)
    with pytest.raises(RunError, match=r"broken: other embeddings"):
        check_same([step("same", [1, 0]), step("broken", [1, 0], [np.nan, 1])], reference)
