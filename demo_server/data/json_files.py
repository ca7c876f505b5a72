"""Where the rows of a JSON or JSON Lines file lie."""

from __future__ import annotations

import codecs
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from demo_server.data.contents import BATCH_CHARACTERS, BLOCK, DataFile
from demo_server.data.source_error import SourceError

BATCH_OBJECTS = 2_000
Row = dict[str, Any]


def opened(file: DataFile) -> Lines | Document:
    """Return the rows of a file, by what is in it: its suffix often is the other one's."""
    with file.open_bytes() as lines:
        filled = list(itertools.islice((line for line in lines if line.strip()), 2))
    if filled and filled[0].removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
        return Document(file)
    if ".json" in (file.path.suffix.lower(), file.path.with_suffix("").suffix.lower()):
        return Lines(file) if len(filled) == 2 and is_object(filled[0]) else Document(file)
    return Lines(file)


class ObjectMaker:
    """Makes objects of keys and values; `repeated` is the first key that came twice in one."""

    repeated: str | None = None

    def __call__(self, pairs: list[tuple[str, Any]]) -> Row:
        made = dict(pairs)
        if len(made) < len(pairs) and self.repeated is None:
            self.repeated = Counter(key for key, _ in pairs).most_common(1)[0][0]
        return made

    def notes(self, file: DataFile) -> list[tuple[str, str]]:
        """Return what of a file was read otherwise than it stands there, after its kind."""
        if self.repeated is None:
            return []
        twice = (
            f"{file.name} has key {self.repeated!r} twice in one object: the last value is read."
        )
        return [("twice", twice)]


class Lines:
    """The rows of a JSON Lines file, in batches."""

    options: tuple[str, ...] = ()

    def __init__(self, file: DataFile) -> None:
        self.file, self.rows, self.lines = file, 0, 0
        self._maker = ObjectMaker()
        self._decoder = json.JSONDecoder(object_pairs_hook=self._maker)

    @property
    def notes(self) -> list[tuple[str, str]]:
        """What was read otherwise than it stands there, after its kind."""
        return self._maker.notes(self.file)

    def count(self) -> int:
        """Return how many lines hold rows, by a count of line feeds."""
        with self.file.open_bytes() as file:
            last, feeds = b"\n", 0
            while block := file.read(BLOCK):
                feeds, last = feeds + block.count(b"\n"), block[-1:]
        return self.rows + feeds + (last != b"\n") - self.lines

    def __iter__(self) -> Iterator[list[Row]]:
        self.rows = self.lines = 0
        self.file.open_text(newline=None).close()  # refuses UTF-16
        batch: list[Row] = []
        size = 0
        with self.file.open_bytes() as lines:
            for number, line in enumerate(lines, start=1):
                self.lines = number
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                if not line.strip():
                    continue
                batch.append(as_row(self._parsed(line, number), f"{self.file.name}: line {number}"))
                self.rows, size = self.rows + 1, size + len(line)
                if len(batch) == BATCH_OBJECTS or size > BATCH_CHARACTERS:
                    yield batch
                    batch, size = [], 0
        yield batch

    def _parsed(self, line: bytes, number: int) -> Any:
        try:
            return self._decoder.decode(line.decode())
        except UnicodeDecodeError as error:
            raise self.file.first_line_not_utf8() from error
        except (json.JSONDecodeError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise SourceError(
                "dataset",
                f"{self.file.name} can't be read: line {number} is not JSON ({reason}).",
                "Correct or remove that line, or choose another file with --dataset.",
            ) from error


class Document:
    """The rows of a JSON file, which is read as a whole."""

    def __init__(self, file: DataFile) -> None:
        self.file = file
        self.options: tuple[str, ...] = ()
        maker = ObjectMaker()
        try:
            with file.open_text(newline=None) as text:
                whole = json.load(text, object_pairs_hook=maker)
        except UnicodeDecodeError as error:
            raise file.first_line_not_utf8() from error
        except (json.JSONDecodeError, RecursionError) as error:
            raise SourceError(
                "dataset",
                f"{file.name} can't be read: it is not JSON ({error}).",
                "Correct it there, or choose another file with --dataset.",
            ) from error
        self.notes = maker.notes(file)
        self.is_list = isinstance(whole, list)
        self.values = self._list_in(whole)

    def count(self) -> int | None:
        """Return how many values the list of a document has, by its commas; None without one."""
        if not self.is_list:
            return None
        with self.file.open_bytes() as file:
            return count_values(file.read())

    def __iter__(self) -> Iterator[list[Row]]:
        for start in range(0, len(self.values), BATCH_OBJECTS):
            part = self.values[start : start + BATCH_OBJECTS]
            yield [as_row(v, f"{self.file.name}: row {n}") for n, v in enumerate(part, start)]

    def _list_in(self, whole: Any) -> list[Any]:
        """Return the list of rows in a document.

        Raises:
            SourceError: there are several, or none.
        """
        if isinstance(whole, list):
            return whole
        if not isinstance(whole, dict):
            as_row(whole, self.file.name)
            return [whole]
        found = dict(lists_of_objects(whole))
        if len(found) == 1:
            [(place, values)] = found.items()
            place_of = f"The rows of {self.file.name} are the {len(values):,} objects of {place!r}"
            self.notes.append(("place", f"{place_of} in it."))
            if "." not in place:
                self.options = (f"field={json.dumps(place)}",)
            return values
        if found:
            raise SourceError(
                "dataset",
                f"{self.file.name} has several lists of objects: {', '.join(found)}.",
                "Save the one that has the rows as a file of its own.",
            )
        return columns_as_rows(whole)


def count_values(document: bytes) -> int:
    """Count the values of the list that a JSON document is, by the commas that part them."""
    unescaped = document.replace(b"\\\\", b"").replace(b'\\"', b"")
    plain = np.frombuffer(b"0".join(unescaped.split(b'"')[::2]), np.uint8)  # each string a 0
    opened = np.isin(plain, list(b"[{")).astype(np.int8)
    depth = np.cumsum(opened - np.isin(plain, list(b"]}")), dtype=np.int32)
    empty = not np.count_nonzero((depth > 0) & ~np.isin(plain, list(b"[ \t\r\n")))
    commas = np.count_nonzero((depth == 1) & (plain == ord(",")))
    return 0 if empty else int(commas) + 1


def lists_of_objects(value: Row, above: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Yield the lists of objects in an object, and in those in it, by their keys."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from lists_of_objects(inner, f"{above}{key}.")
        elif isinstance(inner, list) and inner and all(isinstance(one, dict) for one in inner):
            yield f"{above}{key}", inner


def columns_as_rows(whole: Row) -> list[Any]:
    """Return the rows of an object of columns, each a list or an object as pandas writes it."""
    columns = list(whole.values())
    if columns and all(isinstance(column, dict) for column in columns):
        keys = list(columns[0])
        if keys and all(list(column) == keys for column in columns):
            return [{name: whole[name][key] for name in whole} for key in keys]
    lists = [column for column in columns if isinstance(column, list)]
    if len(lists) == len(columns) and len({len(column) for column in lists}) == 1:
        return [dict(zip(whole, row, strict=True)) for row in zip(*columns, strict=True)]
    return [whole]


def as_row(value: Any, place: str) -> Row:
    """Return an object as it is, a string as column `text`.

    Raises:
        SourceError: it is neither.
    """
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        return {"text": value}
    raise SourceError(
        "dataset",
        f"{place} is {json.dumps(value)[:60]}, and not an object or a string.",
        'Write each row as an object, such as {"text": "…"}.',
    )


def is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode("utf-8-sig")), dict | str)
    except (ValueError, RecursionError):
        return False
