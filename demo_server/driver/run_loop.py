"""One driver: connected to Ray, it runs experiments and reports what happens."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ray
from pydantic import JsonValue, ValidationError
from ray.actor import ActorHandle

from demo_server.data.source import DatasetSource
from demo_server.driver import loader
from demo_server.driver.cluster import cluster_resources
from demo_server.driver.observe.diagnosis import check
from demo_server.driver.observe.metrics import measuring
from demo_server.driver.observe.observer import Observation, observing
from demo_server.driver.observe.outputs import counting
from demo_server.driver.observe.reporter import observed
from demo_server.driver.observe.watchdog import guarding
from demo_server.driver.process_state import ProcessState
from demo_server.embedding.device import Device
from demo_server.embedding.registry import row_of
from demo_server.protocol.driver_messages import Ended, Message, RunCommand
from demo_server.protocol.errors import ExperimentError, RunError
from demo_server.protocol.events import ChecksData, RowsData
from demo_server.ray_internals.actors import actors
from demo_server.ray_internals.dataset_methods import code_replaced
from demo_server.ray_internals.prestart import runtime_env
from demo_server.system.cpus import usable_cpus
from demo_server.toolkit.context import Context
from demo_server.toolkit.failure import clean, explain, release

POLL_S = 1.0
ACTORS_END_S = 1.0


@dataclass
class RunLoop:
    """What outlives a run in this process: the connection, the mailbox, and what is held."""

    send: Callable[[Message], None]
    source: DatasetSource
    model: str
    device: Device
    own_head: bool
    mailbox: ActorHandle[Any]
    give_up: Callable[[Ended], None]
    replace_workers: Callable[[], None]  # that a run has taken
    before: ProcessState
    held: Any = None
    context: Context | None = None

    def run(self, command: RunCommand) -> Ended:
        """Run one experiment to its end; what goes wrong is in the messages, not raised."""
        try:
            experiment = loader.load(command.experiment)
            params = experiment.parameters.model_validate(command.params)
        except (ExperimentError, ValidationError) as error:
            return Ended(status="failed", reason=clean(str(error)))
        context = self.context = self._context(Path(command.directory))
        observation: Observation | None = None
        try:
            with ExitStack() as watching:
                if not experiment.uses_held:  # a question about a held result is not watched
                    observation = watching.enter_context(observing(context))
                    watching.enter_context(code_replaced(partial(observe, context)))
                    watching.enter_context(measuring(context, observation))
                    watching.enter_context(receiving(self.mailbox, context, observation))
                    watching.enter_context(guarding(context, observation, self._abandon))
                    watching.enter_context(counting(context))
                result = experiment.run(params, context)
            seen = observation.observed() if observation else None
            if seen:  # after the last report of a worker
                context.emit(ChecksData(checks=check(seen)))
        except RunError as error:
            return Ended(status="failed", reason=clean(str(error)))
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            failure = explain(error)
            context.emit(failure)
            release(error)
            return Ended(status="failed", reason=f"{failure.exception}: {failure.message}")
        finally:
            self.context = None
            context.send = ignore  # nothing of it comes in a later run's events
            release()
        if result is not None:
            self.held = result
        return Ended(
            status="succeeded",
            holds=result is not None,
            end_ray=context.end_ray,
            unharmed=self.own_head and self._is_unharmed(observation),
        )

    def _is_unharmed(self, observation: Observation | None) -> bool:
        """Whether a next run would feel nothing of the one that has succeeded."""
        changes = self.before.changes()
        if observation and observation.mapped_in_tasks:
            changes.append("the workers of its tasks")
        try:
            if not ray.is_initialized() or actors_left():
                changes.append("what runs on Ray")
        except Exception as error:  # Ray has just gone, and the run had its result before
            changes.append(f"{type(error).__name__}: {error}")
        if changes:
            print(
                "Runs nothing else: its run may have changed",
                *changes[:9],
                file=sys.stderr,
            )
        return not changes

    def renew(self) -> None:
        """Make ready for another run, once the server knows that this one has ended."""
        try:
            if self.own_head and ray.is_initialized():
                self.replace_workers()
        except Exception:  # the next run's actors start their own, only later
            traceback.print_exc(file=sys.stderr)

    def release(self) -> None:
        """Release the result that is held."""
        self.held = None
        release()

    def act(self, action: str, args: dict[str, JsonValue]) -> None:
        """Do what the running experiment offers; an action that it doesn't offer is noted."""
        context = self.context
        if context is None:
            return
        offered = context.actions.get(action)
        if offered is None:
            context.note(f"This run offers no action {action!r} now.", "warning")
        else:
            offered(args)

    def _abandon(self, error: Exception) -> None:
        """End a run whose thread waits inside Ray without end, and with it this process."""
        failure = explain(error)
        if self.context:
            self.context.emit(failure)
        self.give_up(Ended(status="failed", reason=failure.message))

    def _context(self, directory: Path) -> Context:
        resources = cluster_resources() if ray.is_initialized() else {}
        return Context(
            send=self.send,
            source=self.source,
            model=self.model,
            device=self.device,
            cpus=int(resources.get("CPU", 0)),
            cores=usable_cpus(),
            gpus=resources.get("GPU", 0.0),
            directory=directory,
            own_head=self.own_head,
            held=self.held,
        )


def ignore(message: Message) -> None:
    """Send nothing."""


def actors_left() -> bool:
    """Whether actors of a run go on; those of a pipeline end within a moment of it."""
    deadline = time.monotonic() + ACTORS_END_S
    while actors():
        if time.monotonic() > deadline:
            return True
        time.sleep(0.02)
    return False


def observe(context: Context, code: Any) -> tuple[Any, dict[str, Any]]:
    """Return what runs in place of a pipeline's code, and the process that it gets.

    The process is one that stands ready and has imported what the class's engine needs; for code
    that is not an engine's, what `context.imports` names.
    """
    row, options = row_of(code), {}
    imports = row.imports if row else context.imports
    if imports and context.own_head:
        options["runtime_env"] = runtime_env(imports)
    return observed(code, context.source.text_column), options


@contextmanager
def receiving(
    mailbox: ActorHandle[Any], context: Context, observation: Observation
) -> Iterator[None]:
    """Emit the sample rows that workers leave in the mailbox, as they come."""
    stop = threading.Event()

    def emit(wait_s: float) -> None:
        samples: list[dict[str, Any]] = ray.get(mailbox.take.remote(wait_s))
        for sample in samples:
            if not observation.observes(sample.pop("step")):
                continue
            rows = RowsData(**sample)
            observation.receive(rows)
            context.receive(rows)
            context.emit(rows)

    def receive() -> None:
        while not stop.is_set():
            try:
                emit(POLL_S)
            except ray.exceptions.RayActorError:
                context.note("Sample rows have stopped: their mailbox died.", "warning")
                return

    ray.get(mailbox.take.remote(0))  # what a run before this one left
    thread = threading.Thread(target=receive, name="rows", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        mailbox.wake.remote()
        thread.join()
        emit(0)
