"""Files as one Arrow file in the cache; they are read again only when they have changed."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from datasets import Dataset, Features, Value
from pydantic import BaseModel

from demo_server.data import (
    cache_space,
    delimited,
    hub_files,
    json_rows,
    local_files,
    parquet_files,
    text_lines,
)
from demo_server.data.contents import Contents, in_short, with_keys
from demo_server.data.local_files import LocalFiles
from demo_server.data.source_error import SourceError
from demo_server.data.spec import Spec
from demo_server.system.environment import cache_directory
from demo_server.system.files import fingerprint, replace_atomically, write_atomically

MOST_OF_ROW = 80  # characters of one that a note shows


class Problem(BaseModel):
    """Why a column can't be embedded, and what to do."""

    message: str
    remedy: str


class CachedTable(BaseModel):
    """What is known of the rows in an Arrow file, `path`, which has `bytes` and time `changed`.

    `rows` were read, `in_file` were counted otherwise. `options` are arguments of `load_dataset`,
    as code, without which it would read the files otherwise. `original` is a schema in base64.
    """

    path: str
    bytes: int
    changed: int
    split: str
    loader: str
    rows: int
    in_file: int | None
    notes: list[str]
    problems: dict[str, Problem]
    options: list[str]
    original: str

    @property
    def original_types(self) -> dict[str, pa.DataType]:
        """The types of the columns that are read as others and can be cast back, by name."""
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self.original)))
        return dict(zip(schema.names, schema.types, strict=True))

    def load(self) -> Dataset:
        """Return the rows, mapped into memory.

        Raises:
            SourceError: the file can't be read.
        """
        try:
            return Dataset.from_file(self.path)
        except (OSError, pa.ArrowException) as error:
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise SourceError(
                "cache",
                f"{Path(self.path).name} in the cache can't be read: {reason}.",
                "Start again: it is then made again from the data's files.",
            ) from error

    def is_unchanged(self) -> bool:
        """Return whether the file is as it was written; another process may have written it too."""
        stat = os.stat(self.path)
        return (stat.st_size, stat.st_mtime_ns) == (self.bytes, self.changed)


def directory() -> Path:
    """Return where the Arrow files are."""
    return cache_directory() / "datasets"


def read(spec: Spec, text_column: str | None) -> CachedTable | None:
    """Return the rows of a dataset, read now or before; `text_column` stays text.

    None where its files are of a kind that only `datasets` reads, or those of the hub are gone.

    Raises:
        SourceError: they can't be read, or the cache can't be written.
    """
    found = hub_files.find(spec, directory() / "hub") if spec.is_on_hub else None
    if spec.is_on_hub and found is None:
        return None
    key = key_of(spec, text_column, found)
    known = directory() / f"{key}.json"
    arrow = directory() / f"{key}.arrow"
    if known.is_file() and cache_space.hold(arrow):
        with suppress(ValueError, OSError, SourceError):  # damaged or moved: they are read again
            table = CachedTable.model_validate_json(known.read_bytes())
            if table.path == str(arrow) and table.is_unchanged():
                table.load()
                table.notes = [*(found.notes if found else ()), *table.notes]
                return table
    found = found or local_files.find(spec)
    if not found.files:
        return None
    contents = with_keys(contents_of(found, text_column), found.files)
    with cache_space.writable():
        directory().mkdir(parents=True, exist_ok=True)
    rows = write(contents, found.features, arrow)
    differing = differences(contents.in_file or {}, rows)
    notes = list(dict.fromkeys([*differing, *found.notes, *contents.notes]))
    stat = arrow.stat()
    table = CachedTable(
        path=str(arrow),
        bytes=stat.st_size,
        changed=stat.st_mtime_ns,
        split=found.split,
        loader=found.loader,
        rows=sum(file.rows for file in rows.values()),
        in_file=None if contents.in_file is None else sum(contents.in_file.values()),
        notes=notes,
        problems={
            name: Problem(message=error.message, remedy=error.remedy or "")
            for name, error in contents.problems.items()
        },
        options=contents.options,
        original=base64.b64encode(contents.original.serialize().to_pybytes()).decode(),
    )
    with cache_space.writable():
        write_atomically(known, table.model_dump_json())
    cache_space.hold(arrow)
    cache_space.prune(directory())
    return table


def contents_of(found: LocalFiles, text_column: str | None) -> Contents:
    if found.loader == "parquet":
        return parquet_files.read(found.files)
    if found.loader == "csv":
        named = found.features or {}
        texts = [name for name, feature in named.items() if feature == Value("string")]
        return delimited.read(found.files, [text_column or "text", *texts], found.delimiter)
    if found.loader == "json":
        return json_rows.read(found.files)
    return text_lines.read(found.files)


@dataclass
class FileRows:
    """How many rows of a file were read, and the last batch of them."""

    rows: int = 0
    last: pa.RecordBatch | None = None


def differences(in_file: dict[str, int], read: dict[str, FileRows]) -> list[str]:
    """Return notes on files that have another number of rows than were read, with the last one."""
    notes = []
    for name, counted in in_file.items():
        file = read.get(name, FileRows())
        if file.rows == counted:
            continue
        note = f"{name} has {counted:,} rows by another count, and {file.rows:,} were read"
        if file.last is not None:
            row = file.last.slice(file.last.num_rows - 1)
            cells = (
                f"{one.name}: {shown(value)}" for one, value in zip(row.schema, row, strict=True)
            )
            note += f", of which the last is {', '.join(cells)[:MOST_OF_ROW]}"
        notes.append(("rows", f"{note}."))
    return in_short(notes)


def shown(value: pa.Array) -> str:
    """Return one value as text, the name of its type where Arrow has no text for it."""
    try:
        return str(value.cast(pa.string())[0].as_py())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return f"<{value.type}>"


def write(contents: Contents, features: Features | None, path: Path) -> dict[str, FileRows]:
    """Write the rows with `features` where they have their types; return those of each file."""
    known = Features.from_arrow_schema(contents.schema)
    for name, feature in (features or {}).items():
        if name in known and Features({name: feature}).arrow_schema.field(name).type == (
            known.arrow_schema.field(name).type
        ):
            known[name] = feature
    rows: dict[str, FileRows] = {}
    with replace_atomically(path) as part:
        with cache_space.writable():
            file = pa.OSFile(str(part), "wb")
        with file, pa.ipc.new_stream(file, known.arrow_schema) as stream:
            for file_read, batch in contents.batches:
                with cache_space.writable():
                    stream.write_batch(batch)
                if batch.num_rows:
                    of_file = rows.setdefault(file_read.name, FileRows())
                    of_file.rows, of_file.last = of_file.rows + batch.num_rows, batch
    return rows


def key_of(spec: Spec, text_column: str | None, found: LocalFiles | None = None) -> str:
    """Return a hash of what is asked for, of the files as they are now, and of what reads them.

    Those of the hub, which are `found`, have a place of their own for each content.
    """
    state = fingerprint(Path(spec.path)) if found is None else repr(replace(found, notes=()))
    asked = (spec.path, spec.name, spec.split, text_column, state, reader())
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:32]


@functools.cache
def reader() -> str:
    """Return a hash of the code that reads files, so that nothing is kept that it read before."""
    digest = hashlib.sha256(pa.__version__.encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()
