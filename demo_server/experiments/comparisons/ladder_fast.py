"""The ladder's further steps, on the engine that was chosen: what goes into a call, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from ray.data import ActorPoolStrategy

from demo_server.embedding.batching import Array
from demo_server.embedding.registry import load_engine

Row = dict[str, Any]
Batch = dict[str, Any]
Rows: TypeAlias = Any  # a ray.data.Dataset: the types of its methods know no class like these
Done: TypeAlias = Any  # the same, materialized


def clean_all(texts: Sequence[str] | Array) -> Array:
    """Preprocessing of strings of shape (rows,): one space between two words."""
    return np.array([" ".join(text.split()) for text in texts], dtype=object)


class EngineSteps:
    """Each step fixes one thing of the one before; its region is what a slide shows.

    Attributes:
        column: the text.
        one_thread: what `load_engine` takes, with the one thread that Ray gives an actor.
        all_cores: the same with a thread for each core.
        blocks: parts of a block's worth of rows each.
    """

    def __init__(self, column: str, engine: dict[str, Any], cores: int, blocks: int) -> None:
        self.column, self.blocks = column, blocks
        self.one_thread = engine | {"threads": 1}
        self.all_cores = engine | {"threads": cores}

    def other_engine(self, ds: Rows) -> Done:
        column, engine = self.column, self.one_thread

        # region other_engine
        class Embed:
            def __init__(self) -> None:
                self.engine = load_engine(**engine)

            def __call__(self, row: Row) -> Row:
                tokens = self.engine.tokenize(clean_all([row[column]]))
                vector = self.engine.embed(tokens, np.arange(1))[0].tolist()
                print(row["id"], vector)
                return {**row, "embedding": np.array(vector, np.float32)}

        ds = ds.repartition(ds.count())
        pool = ActorPoolStrategy(size=1)
        ds = ds.map(Embed, compute=pool)
        # endregion other_engine
        return ds.materialize()

    def no_prints(self, ds: Rows) -> Done:
        column, engine = self.column, self.one_thread

        # region no_prints
        class Embed:
            def __init__(self) -> None:
                self.engine = load_engine(**engine)

            def __call__(self, row: Row) -> Row:
                tokens = self.engine.tokenize(clean_all([row[column]]))
                vector = self.engine.embed(tokens, np.arange(1))[0].tolist()
                return {**row, "embedding": np.array(vector, np.float32)}

        ds = ds.repartition(ds.count())
        pool = ActorPoolStrategy(size=1)
        ds = ds.map(Embed, compute=pool)
        # endregion no_prints
        return ds.materialize()

    def batch_of_two(self, ds: Rows) -> Done:
        column, engine = self.column, self.one_thread

        # region batch_of_two
        class Embed:
            def __init__(self) -> None:
                self.engine = load_engine(**engine)

            def __call__(self, batch: Batch) -> Batch:
                vectors = []
                for text in batch[column]:
                    tokens = self.engine.tokenize(clean_all([text]))
                    vector = self.engine.embed(tokens, np.arange(1))[0]
                    vectors.append(vector.tolist())
                return {**batch, "embedding": np.array(vectors, np.float32)}

        ds = ds.repartition(ds.count())
        pool = ActorPoolStrategy(size=1)
        ds = ds.map_batches(Embed, batch_size=2, compute=pool)
        # endregion batch_of_two
        return ds.materialize()

    def large_batches(self, ds: Rows) -> Done:
        column, engine = self.column, self.one_thread

        # region large_batches
        class Embed:
            def __init__(self) -> None:
                self.engine = load_engine(**engine)

            def __call__(self, batch: Batch) -> Batch:
                vectors = []
                for text in batch[column]:
                    tokens = self.engine.tokenize(clean_all([text]))
                    vector = self.engine.embed(tokens, np.arange(1))[0]
                    vectors.append(vector.tolist())
                return {**batch, "embedding": np.array(vectors, np.float32)}

        ds = ds.repartition(ds.count())
        pool = ActorPoolStrategy(size=1)
        ds = ds.map_batches(Embed, batch_size=256, compute=pool)
        # endregion large_batches
        return ds.materialize()

    def no_conversions(self, ds: Rows) -> Done:
        column, engine = self.column, self.one_thread

        # region no_conversions
        class Embed:
            def __init__(self) -> None:
                self.engine = load_engine(**engine)

            def __call__(self, batch: Batch) -> Batch:
                vectors = []
                for text in batch[column]:
                    tokens = self.engine.tokenize(clean_all([text]))
                    vector = self.engine.embed(tokens, np.arange(1))[0]
                    vectors.append(vector)
                return {**batch, "embedding": np.stack(vectors)}

        ds = ds.repartition(ds.count())
        pool = ActorPoolStrategy(size=1)
        ds = ds.map_batches(Embed, batch_size=256, compute=pool)
        # endregion no_conversions
        return ds.materialize()

    def one_pass(self, ds: Rows) -> Done:
        column, engine = self.column, self.one_thread

        # region one_pass
        class Embed:
            def __init__(self) -> None:
                self.engine = load_engine(**engine)

            def __call__(self, batch: Batch) -> Batch:
                tokens = self.engine.tokenize(clean_all(batch[column]))
                vectors = self.engine.embed(tokens, np.arange(len(tokens)))
                return {**batch, "embedding": vectors}

        ds = ds.repartition(ds.count())
        pool = ActorPoolStrategy(size=1)
        ds = ds.map_batches(Embed, batch_size=256, compute=pool)
        # endregion one_pass
        return ds.materialize()

    def sorted_by_length(self, ds: Rows) -> Done:
        column, engine = self.column, self.one_thread

        # region sorted_by_length
        class Embed:
            def __init__(self) -> None:
                self.engine = load_engine(**engine)

            def __call__(self, batch: Batch) -> Batch:
                tokens = self.engine.tokenize(clean_all(batch[column]))
                vectors = np.empty((len(tokens), self.engine.dim), np.float32)
                for rows in tokens.batches(self.engine.budget):
                    vectors[rows] = self.engine.embed(tokens, rows)
                return {**batch, "embedding": vectors}

        ds = ds.repartition(ds.count())
        pool = ActorPoolStrategy(size=1)
        ds = ds.map_batches(Embed, batch_size=256, compute=pool)
        # endregion sorted_by_length
        return ds.materialize()

    def prepared_apart(self, ds: Rows) -> Done:
        column, engine = self.column, self.one_thread

        # region prepared_apart
        def prepare(batch: Any) -> Any:
            return {**batch, column: clean_all(batch[column])}

        class Embed:
            def __init__(self) -> None:
                self.engine = load_engine(**engine)

            def __call__(self, batch: Batch) -> Batch:
                tokens = self.engine.tokenize(batch[column])
                vectors = np.empty((len(tokens), self.engine.dim), np.float32)
                for rows in tokens.batches(self.engine.budget):
                    vectors[rows] = self.engine.embed(tokens, rows)
                return {**batch, "embedding": vectors}

        ds = ds.repartition(ds.count())
        ds = ds.map_batches(prepare, batch_size=256)
        pool = ActorPoolStrategy(size=1)
        ds = ds.map_batches(Embed, batch_size=256, compute=pool)
        # endregion prepared_apart
        return ds.materialize()

    def too_many_actors(self, ds: Rows) -> Done:
        column, engine = self.column, self.all_cores

        # region too_many_actors
        def prepare(batch: Any) -> Any:
            return {**batch, column: clean_all(batch[column])}

        class Embed:
            def __init__(self) -> None:
                self.engine = load_engine(**engine)

            def __call__(self, batch: Batch) -> Batch:
                tokens = self.engine.tokenize(batch[column])
                vectors = np.empty((len(tokens), self.engine.dim), np.float32)
                for rows in tokens.batches(self.engine.budget):
                    vectors[rows] = self.engine.embed(tokens, rows)
                return {**batch, "embedding": vectors}

        ds = ds.repartition(ds.count())
        ds = ds.map_batches(prepare, batch_size=256)
        pool = ActorPoolStrategy(size=4)
        ds = ds.map_batches(Embed, batch_size=256, num_cpus=0.2, compute=pool)
        # endregion too_many_actors
        return ds.materialize()

    def threads_for_the_cores(self, ds: Rows) -> Done:
        column, engine = self.column, self.all_cores

        # region threads_for_the_cores
        def prepare(batch: Any) -> Any:
            return {**batch, column: clean_all(batch[column])}

        class Embed:
            def __init__(self) -> None:
                self.engine = load_engine(**engine)

            def __call__(self, batch: Batch) -> Batch:
                tokens = self.engine.tokenize(batch[column])
                vectors = np.empty((len(tokens), self.engine.dim), np.float32)
                for rows in tokens.batches(self.engine.budget):
                    vectors[rows] = self.engine.embed(tokens, rows)
                return {**batch, "embedding": vectors}

        ds = ds.repartition(ds.count())
        ds = ds.map_batches(prepare, batch_size=256)
        pool = ActorPoolStrategy(size=1)
        ds = ds.map_batches(Embed, batch_size=256, compute=pool)
        # endregion threads_for_the_cores
        return ds.materialize()

    def fewer_blocks(self, ds: Rows) -> Done:
        column, engine, blocks = self.column, self.all_cores, self.blocks

        # region fewer_blocks
        def prepare(batch: Any) -> Any:
            return {**batch, column: clean_all(batch[column])}

        class Embed:
            def __init__(self) -> None:
                self.engine = load_engine(**engine)

            def __call__(self, batch: Batch) -> Batch:
                tokens = self.engine.tokenize(batch[column])
                vectors = np.empty((len(tokens), self.engine.dim), np.float32)
                for rows in tokens.batches(self.engine.budget):
                    vectors[rows] = self.engine.embed(tokens, rows)
                return {**batch, "embedding": vectors}

        ds = ds.repartition(blocks)
        ds = ds.map_batches(prepare, batch_size=256)
        pool = ActorPoolStrategy(size=1)
        ds = ds.map_batches(Embed, batch_size=256, compute=pool)
        # endregion fewer_blocks
        return ds.materialize()
