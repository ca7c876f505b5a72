"""One Parquet file: a worker writes it, the driver only passes on where the blocks are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import ray
from ray.data.dataset import MaterializedDataset

from demo_server.toolkit.local_task import run_here


def refusal(schema: pa.Schema, path: Path) -> str | None:
    """Return why rows of this schema can't be written to `path`, None where nothing is known."""
    try:
        with path.with_suffix(".part").open("wb") as part:
            for field in schema:
                try:
                    pq.write_table(pa.schema([field]).empty_table(), part)
                except pa.ArrowException:
                    return f"column {field.name!r} is {field.type}, which Parquet can't hold"
    except OSError as error:
        return f"{path.name} can't be made: {error.strerror}"
    finally:
        path.with_suffix(".part").unlink(missing_ok=True)
    return None


def write(
    dataset: MaterializedDataset[Any], path: Path, types: Mapping[str, pa.DataType] | None = None
) -> int:
    """Write `dataset` in order as one file, complete or not at all; return its bytes.

    The worker is on the driver's node, where the file is read; it holds one block at a time.
    Columns are cast to `types`, unless a value doesn't fit: more than a dictionary has indices for.

    Raises:
        OSError: the file can't be written.
        pa.ArrowInvalid: there are no rows, or the blocks' columns differ.
    """
    blocks = dataset.to_arrow_refs()
    try:
        try:
            return run_here(write_blocks, blocks, path, types or {})
        except pa.ArrowException:
            if not types:
                raise
        return run_here(write_blocks, blocks, path, {})
    except ValueError as error:  # which pyarrow's writer raises as it is
        raise pa.ArrowInvalid(str(error)) from error


def write_blocks(
    blocks: list[ray.ObjectRef[pa.Table]], path: Path, types: Mapping[str, pa.DataType]
) -> int:
    """Write blocks of the object store; see `write_tables`."""
    return write_tables((ray.get(block) for block in blocks), path, types)


def write_tables(
    tables: Iterable[pa.Table], path: Path, types: Mapping[str, pa.DataType] | None = None
) -> int:
    """Write tables in order as one file, complete or not at all; return its bytes.

    Vectors are written as fixed-size lists, which every Parquet reader knows; columns in `types`
    are cast to them.

    Raises:
        OSError: the file can't be written.
        ValueError: there are no rows.
    """
    part = path.with_suffix(".part")
    writer: pq.ParquetWriter | None = None
    try:
        for each in tables:
            table = cast(plain(each), types or {})
            writer = writer or pq.ParquetWriter(part, table.schema)
            writer.write_table(table)
        if writer is None:
            raise ValueError("there are no rows to write")
        writer.close()
        part.replace(path)
    except BaseException:
        if writer is not None:
            writer.close()
        part.unlink(missing_ok=True)
        raise
    return path.stat().st_size


def plain(table: pa.Table) -> pa.Table:
    """Return `table` with Ray's tensor columns as fixed-size lists of numbers."""
    for index, field in enumerate(table.schema):
        if isinstance(field.type, pa.ExtensionType):
            vectors = pa.chunked_array([as_lists(chunk) for chunk in table.column(index).chunks])
            table = table.set_column(index, field.name, vectors)
    return table


def cast(table: pa.Table, types: Mapping[str, pa.DataType]) -> pa.Table:
    for index, name in enumerate(table.column_names):
        if name in types:
            table = table.set_column(index, name, table.column(index).cast(types[name]))
    return table


def as_lists(chunk: Any) -> pa.FixedSizeListArray:
    values = chunk.to_numpy(zero_copy_only=False)
    flat = pa.array(values.reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.reshape(len(values), -1).shape[1])
