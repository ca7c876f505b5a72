"""Preparing a driver: all that takes time and needs no run yet."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

# An experiment that has shut Ray down must not have it started again behind its back.
os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")

import datasets
import ray
import ray.data
from ray import cloudpickle
from ray.actor import ActorHandle
from ray.exceptions import RayActorError

from demo_server.data import source
from demo_server.driver import loader, preload
from demo_server.driver.cluster import cluster_resources, connect
from demo_server.driver.observe import observer
from demo_server.driver.observe.mailbox import open_mailbox
from demo_server.driver.process_state import ProcessState
from demo_server.driver.run_loop import RunLoop
from demo_server.embedding import conversion, model
from demo_server.embedding.device import likely_device
from demo_server.embedding.registry import ROWS
from demo_server.protocol.driver_messages import DriverOptions, Ended, Message, PrioritizeCommand
from demo_server.protocol.errors import ClusterError, ExperimentError, PrestartError
from demo_server.ray_internals.actors import ray_data_has_begun
from demo_server.ray_internals.patches import disable_hub_lookup, start_actor_location_tracker
from demo_server.ray_internals.prestart import VERSION, prestart, standing, version
from demo_server.ray_internals.worker_processes import raylet_here
from demo_server.system.fork_server import FORKS
from demo_server.system.memory import memory_bytes, standbys_for
from demo_server.toolkit.context import Machine
from demo_server.toolkit.failure import explain

# Each has libraries in memory, about 0.5 GB with torch; the actors after these start cold.
MOST_WORKERS = 4
# Processes for tasks that come before the first row; each has 0.1 GB.
MOST_TASKS = 4


def start(
    options: DriverOptions,
    send: Callable[[Message], None],
    give_up: Callable[[Ended], None],
    may_connect: threading.Event | None = None,
    prioritized: Sequence[PrioritizeCommand] = (),
) -> RunLoop:
    """Connect and prepare all that a run needs, so that one starts at once.

    `give_up` is called, from another thread, when a run can never end; it doesn't return. What
    needs no Ray is done before `may_connect` is waited for. By then a run that waits already is in
    `prioritized`: its workers are started and no others, which would share the cores with it.

    Raises:
        ClusterError: Ray.
        InputError: the dataset or the model.
    """
    chosen = source.resolve(options.inputs.dataset, options.inputs.text_column)
    path = model.resolve(options.inputs.model).path
    experiments = load_experiments()
    if may_connect:
        may_connect.wait()
    conversion.begin(path, chosen)
    connect(options.ray_address, own_head=not options.users_cluster)
    if prioritized and not options.users_cluster:
        prestart_workers(experiments, chosen.rows, prioritized)
    begun = ray_data_has_begun()
    start_actor_location_tracker()  # its process starts meanwhile
    box = open_mailbox()
    if options.users_cluster:
        check_that_code_runs(box)
    # Where no run waits not before: the run on stage may be about to take a worker that is there.
    if not prioritized and not options.users_cluster:
        prestart_workers(experiments, chosen.rows, prioritized)
    observer.install()
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True  # same parameters, same order
    context.enable_progress_bars = False
    datasets.disable_progress_bars()
    disable_hub_lookup()
    if not prioritized:
        cpus = 1 if options.users_cluster else int(cluster_resources().get("CPU", 1))
        warm_up(min(cpus, MOST_TASKS), whole=not (FORKS and begun))
    return RunLoop(
        send=send,
        source=chosen,
        model=path,
        device=likely_device(),
        own_head=not options.users_cluster,
        mailbox=box,
        give_up=give_up,
        replace_workers=partial(replace_workers, experiments, chosen.rows),
        before=ProcessState.now(),
    )


def load_experiments() -> list[loader.Experiment]:
    """Import every experiment; a broken one hinders no other: a run that asks for it fails."""
    found = []
    for name in loader.names():
        try:
            found.append(loader.load(name))
        except ExperimentError as error:
            print(error, file=sys.stderr)
    return found


def prestart_workers(
    experiments: list[loader.Experiment],
    dataset_rows: int,
    prioritized: Sequence[PrioritizeCommand],
) -> None:
    """Have Ray start what the experiments' actors need and lack; no waiting for it.

    One set of workers at most, so that the first driver is ready soon; where there are two
    standbys, the second starts another set.
    """
    raylet = raylet_here()
    there = standing(raylet) if raylet else {}
    sets = standbys_for(memory_bytes())
    machine = Machine(
        cpus=int(cluster_resources().get("CPU", 1)),
        device=likely_device(),
        dataset_rows=dataset_rows,
    )
    wanted: dict[tuple[str, ...], int] = {}
    for experiment in experiments:
        for modules in preloads_of(experiment, prioritized):
            wanted[modules] = max(wanted.get(modules, 1), experiment.actors(machine))
    for modules, workers in wanted.items():
        workers = min(workers, MOST_WORKERS)
        lacking = min(workers, workers * sets - there.get(modules, 0))
        try:
            if lacking > 0:
                prestart(modules, lacking)
        except PrestartError as error:  # the run's actors start their own, only later
            print(error, file=sys.stderr)


def replace_workers(experiments: list[loader.Experiment], dataset_rows: int) -> None:
    """Have Ray start what a run has taken; of older code there is to be no worker more."""
    if version() == VERSION:
        prestart_workers(experiments, dataset_rows, ())


def preloads_of(
    experiment: loader.Experiment, prioritized: Sequence[PrioritizeCommand]
) -> list[tuple[str, ...]]:
    """Return the experiment's preloads; where a run waits, only what that imports."""
    found, imports = experiment.preloads, {row.name: row.imports for row in ROWS}
    for run in prioritized:
        engine = imports.get(str(run.params.get("engine")))
        here = experiment.name == run.experiment
        found = [modules for modules in found if here and engine in (None, modules)]
    return found


def check_that_code_runs(box: ActorHandle[Any]) -> None:
    """Wait for the mailbox, the first of our code that runs on a cluster.

    Raises:
        ClusterError: it doesn't.
    """
    try:
        ray.get(box.take.remote(0))
    except RayActorError as error:
        why = explain(error)
        raise ClusterError(
            f"The cluster can't run our code: {why.exception}: {why.message}. {why.remedy or ''}"
        ) from error


def warm_up(tasks: int, *, whole: bool) -> None:
    """Have Ray start what a run would wait for.

    Args:
        tasks: how many processes for tasks, which take 0.9 s each where they import for themselves.
        whole: wait for them, and have Ray Data run once; its own actors, one of each for a head,
            take seconds.
    """
    # Sent by value: a cluster's node needn't have our code.
    cloudpickle.register_pickle_by_value(preload)  # type: ignore[no-untyped-call]
    # None needs a CPU: those are for a run that starts meanwhile. All at the same moment, or one
    # process does all, and a run's second task would wait for the other.
    ready = ray.remote(num_cpus=0)(preload.import_ray_data)
    asked = [ready.remote() for _ in range(tasks)]
    if not whole:
        return
    ray.get(asked)
    few = datasets.Dataset.from_dict({"id": ["0"] * tasks})
    ray.data.from_huggingface(few).repartition(tasks).materialize()
