"""Whether a run may start: its parameters, and whether the cluster can ever schedule it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_server.processes.head_command import object_store_bytes
from demo_server.protocol.driver_messages import Description, Needs
from demo_server.protocol.errors import Refusal
from demo_server.protocol.frames import ErrorCode
from demo_server.scheduling.admission import admit
from demo_server.scheduling.experiments import Experiments, Params
from demo_server.scheduling.feasibility import check_feasible
from tests.support.fakes import DESCRIPTIONS, description

EMBED = DESCRIPTIONS.experiments[0]


def test_what_is_not_given_is_the_default() -> None:
    whole = Experiments(DESCRIPTIONS).complete(EMBED, {"rows": 5})
    assert whole == {**EMBED.defaults, "rows": 5}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"rows": 0}, "rows must be a whole number from 1 to 5000, not 0."),
        ({"rows": "x"}, "rows must be a whole number from 1 to 5000, not 'x'."),
        ({"pace": 1}, "embed has no parameter 'pace'."),
    ],
)
def test_a_bad_parameter_is_refused_with_what_it_may_be(
    params: dict[str, object], message: str
) -> None:
    with pytest.raises(Refusal) as refused:
        Experiments(DESCRIPTIONS).complete(EMBED, params)  # type: ignore[arg-type]
    assert refused.value.message.startswith(message)
    assert refused.value.code is ErrorCode.BAD_PARAMETER
    assert refused.value.field == next(iter(params))


def test_a_choice_that_is_refused_here_is_refused_with_its_reason_and_remedy() -> None:
    why = {"reason": "Magic needs a wand.", "remedy": "Choose Plain."}
    engine = {"type": "string", "enum": ["Plain", "Magic"], "refused": {"Magic": why}}
    properties = EMBED.schema_["properties"] | {"engine": engine}
    schema = EMBED.schema_ | {"properties": properties}
    choosing = EMBED.model_copy(update={"schema_": schema})
    experiments = Experiments(DESCRIPTIONS)
    assert experiments.complete(choosing, {"engine": "Plain"})["engine"] == "Plain"
    with pytest.raises(Refusal, match=r"^Magic needs a wand\. Choose Plain\.$") as refused:
        experiments.complete(choosing, {"engine": "Magic"})
    assert refused.value.field == "engine"


def test_a_parameter_that_is_a_list_is_taken() -> None:
    sizes = {"type": "array", "items": {"type": "integer"}}
    schema = EMBED.schema_ | {"properties": EMBED.schema_["properties"] | {"sizes": sizes}}
    choosing = EMBED.model_copy(update={"schema_": schema})
    assert Experiments(DESCRIPTIONS).complete(choosing, {"sizes": [8, 64]})["sizes"] == [8, 64]


def test_before_the_experiments_are_known_nothing_starts() -> None:
    with pytest.raises(Refusal) as refused:
        admit(Experiments(), "embed", {}, 4, held=False)
    assert refused.value.code is ErrorCode.NOT_READY


def test_the_textbook_configuration_is_refused_on_two_cpus() -> None:
    with pytest.raises(Refusal) as refused:
        check_feasible(EMBED, {"concurrency": 2, "num_cpus": 1}, 2)
    assert "2 actors x 1 CPU + 1 CPU" in refused.value.message
    assert "= 3 CPUs, but there are 2" in refused.value.message
    assert refused.value.feasible == {"concurrency": 1, "num_cpus": 1}
    assert refused.value.message.endswith("Choose concurrency = 1.")


@given(
    concurrency=st.integers(1, 64),
    num_cpus=st.integers(1, 64),
    cpus=st.integers(1, 96),
    task_cpus=st.integers(0, 2),
)
def test_what_is_offered_instead_can_be_scheduled(
    concurrency: int, num_cpus: int, cpus: int, task_cpus: int
) -> None:
    needs = Needs(actors="concurrency", cpus_per_actor="num_cpus", task_cpus=task_cpus)
    experiment = description("embed", needs=needs)
    params: Params = {"concurrency": concurrency, "num_cpus": num_cpus, "rows": 7}
    refusal = refusal_of(experiment, params, cpus)
    assert (refusal is None) == (concurrency * num_cpus + task_cpus <= cpus)
    if refusal and refusal.feasible is None:
        assert 1 + task_cpus > cpus, "one actor of one CPU would have fitted"
    elif refusal and refusal.feasible:
        assert refusal_of(experiment, refusal.feasible, cpus) is None
        assert refusal.feasible["rows"] == 7
        assert 1 <= int(str(refusal.feasible["concurrency"])) <= concurrency


def refusal_of(experiment: Description, params: Params, cpus: float) -> Refusal | None:
    try:
        check_feasible(experiment, params, cpus)
    except Refusal as refusal:
        return refusal
    return None


def test_an_experiment_without_actors_needs_only_its_tasks() -> None:
    check_feasible(description("show", needs=Needs()), {}, 1)


def test_the_object_store_takes_a_quarter_of_what_is_free_within_limits() -> None:
    assert object_store_bytes(4 * 1024**3) == 1024**3
    assert object_store_bytes(0) == 100 * 1024**2
    assert object_store_bytes(10**13) == 2 * 1024**3
