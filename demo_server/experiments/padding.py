"""What padding costs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import ray
from pydantic import Field
from ray.data import ActorPoolStrategy
from ray.data.dataset import MaterializedDataset

from demo_server.embedding.batching import Array, row_batches, token_batches
from demo_server.embedding.registry import FAST, FastName, find, imports_ahead, load_engine
from demo_server.experiments import ladder
from demo_server.protocol.events import ComparisonData, ForwardPass, PassesData
from demo_server.toolkit.comparison import Step, check_same, take_step, wait_until_quiet
from demo_server.toolkit.context import Context, Defaults, Machine, Needs, Parameters
from demo_server.toolkit.rows import load_texts

Batch = dict[str, Any]
Passes = list[Array]
Rows: TypeAlias = Any  # a ray.data.Dataset: the types of its methods know no class like these


class Params(Parameters):
    # So few that both take some seconds on two cores.
    rows: int = Field(1000, ge=1, le=5000, description="rows that both embed")
    pass_rows: int = Field(64, ge=1, le=1024, description="rows of a pass in the dataset's order")
    engine: FastName = Field(FAST, description="what computes")


needs = Needs(actors=1, alone=True)
preloads = imports_ahead()

stages = {"in_order": "In order", "by_length": "By length"}
CALL_ROWS = 1024


class Embedder:
    """An actor that reports of each row how many tokens it has, and in which pass it was.

    Attributes:
        rows: of a pass, where they are counted.
        budget: tokens of a pass, where these are.
    """

    def __init__(self, column: str, pass_rows: int, **engine: Any) -> None:
        self.column, self.rows = column, pass_rows
        self.engine = load_engine(**engine)
        self.budget = self.engine.budget
        self.done = 0

    def __call__(self, batch: Batch) -> Batch:
        tokens = self.engine.tokenize(batch[self.column])
        vectors = np.empty((len(tokens), self.engine.dim), np.float32)
        numbers = np.empty(len(tokens), np.int64)
        for rows in self.passes(tokens.lengths):
            vectors[rows] = self.engine.embed(tokens, rows)
            numbers[rows] = self.done
            self.done += 1
        return {**batch, "embedding": vectors, "tokens": tokens.lengths, "pass": numbers}

    def passes(self, lengths: Array) -> Passes:
        """Return which rows go through the model together."""
        raise NotImplementedError


# region in_order
class InOrder(Embedder):
    def passes(self, lengths: Array) -> Passes:
        return row_batches(lengths, self.rows)

    # endregion in_order


# region by_length
class ByLength(Embedder):
    def passes(self, lengths: Array) -> Passes:
        return token_batches(lengths, self.budget)

    # endregion by_length


def run(params: Params, context: Context) -> None:
    """Embed the same rows in the dataset's order and then by length, and compare the passes."""
    modules = find(params.engine).imports
    dataset = load_texts(context, params.rows)
    embedder = context.embedder(params.engine, actors=1)
    embedder |= {"engine": params.engine, "pass_rows": params.pass_rows}
    context.imports = modules

    def pipeline(udf: type[Embedder], ds: Rows) -> MaterializedDataset[Any]:
        done: MaterializedDataset[Any] = ds.map_batches(
            udf,
            fn_constructor_kwargs=embedder,
            batch_size=CALL_ROWS,
            compute=ActorPoolStrategy(size=1),
            num_gpus=context.gpus_per_actor(actors=1),
        ).materialize()
        return done

    context.prestart(*modules)  # one stands ready, and two stages need one each
    wait_until_quiet(context)
    ds = ray.data.from_huggingface(dataset)
    before = compare(context, "in_order", len(dataset), partial(pipeline, InOrder, ds))
    after = compare(context, "by_length", len(dataset), partial(pipeline, ByLength, ds))
    cosine = check_same([before], after.vectors)
    context.emit(ComparisonData(ratio=before.cost_s / after.cost_s, cosine=cosine))


def compare(context: Context, name: str, rows: int, pipeline: Callable[[], Rows]) -> Step:
    """Take a step, and report what each of its passes computed."""
    step, done = take_step(context, name, stages[name], rows, pipeline)
    with context.staged(name):
        context.emit(PassesData(passes=passes_of(done)))
    return step


def passes_of(done: Rows) -> list[ForwardPass]:
    """Return the forward passes in their order, from the columns of each row."""
    rows: dict[int, list[int]] = {}
    for batch in done.iter_batches(batch_format="numpy", batch_size=4096):
        for number, tokens in zip(batch["pass"].tolist(), batch["tokens"].tolist(), strict=True):
            rows.setdefault(number, []).append(tokens)
    return [
        ForwardPass(tokens=sum(lengths), padding=len(lengths) * max(lengths) - sum(lengths))
        for _, lengths in sorted(rows.items())
    ]


def defaults(machine: Machine) -> Defaults:
    """The engine that starts soonest."""
    reason = "The same rows, first in the dataset's order, then by length."
    return Defaults({"engine": ladder.engine()}, reason)
