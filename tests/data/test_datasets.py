"""Small datasets of many kinds: what comes out, cell by cell, and what is noted or refused."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from demo_server.data import source
from demo_server.data.source_error import SourceError

Write = Callable[[str, "str | bytes | pa.Table"], Path]
Files = dict[str, "str | bytes | pa.Table"]


def table(**columns: Any) -> pa.Table:
    return pa.table(columns)


READ: dict[str, tuple[Files, dict[str, list[Any]], list[str]]] = {
    "a byte order mark before quotation marks": (
        {"a.csv": '\ufeff"text","n"\r\n"a","1"\r\n'},
        {"text": ["a"], "n": [1]},
        [],
    ),
    "a comma in a cell between bars": (
        {"a.csv": "text|n\na, b|1\nc|2\n"},
        {"text": ["a, b", "c"], "n": [1, 2]},
        ["fields end at '|'"],
    ),
    "a first line that tells the delimiter": (
        {"a.csv": "sep=;\r\ntext;n\r\na;1\r\n"},
        {"text": ["a"], "n": [1]},
        ["fields end at ';'"],
    ),
    "numbers with commas": (
        {"a.csv": "text;price\na;1.234,50\nb;2,00\n"},
        {"text": ["a", "b"], "price": ["1.234,50", "2,00"]},
        ["fields end at ';'"],
    ),
    "spaces around cells": (
        {"a.csv": 'text, n\n"a", 1\n b ,2 \n'},
        {"text": ["a", " b "], " n": [" 1", "2 "]},
        [],
    ),
    "a column without a name or values": (
        {"a.csv": "text,n,\na,1,\nb,2,\n"},
        {"text": ["a", "b"], "n": [1, 2], "Unnamed: 2": [None, None]},
        ["a column without a name is called 'Unnamed: 2'"],
    ),
    "names of columns that differ in case": (
        {"a.csv": "text,N,n\na,1,2\n"},
        {"text": ["a"], "N": [1], "n": [2]},
        [],
    ),
    "words and signs for numbers": (
        {"a.csv": "text,f,i,z\na,inf,+1,-0\nb,nan,2,1\n"},
        {"text": ["a", "b"], "f": ["inf", "nan"], "i": ["+1", "2"], "z": ["-0", "1"]},
        [],
    ),
    "an integer beyond 64 bits": (
        {"a.csv": "text,i\na,18446744073709551615\nb,1\n"},
        {"text": ["a", "b"], "i": ["18446744073709551615", "1"]},
        [],
    ),
    "two archives one after the other": (
        {"a.csv.gz": gzip.compress(b"text,n\na,1\n") + gzip.compress(b"b,2\n")},
        {"text": ["a", "b"], "n": [1, 2]},
        [],
    ),
    "compressed lines of JSON": (
        {"a.jsonl.xz": lzma.compress(b'{"text": "a"}\n{"text": "b"}\n')},
        {"text": ["a", "b"]},
        [],
    ),
    "rows without the key": (
        {"a.jsonl": '{"text": "a"}\n{}\n{"text": null}\n'},
        {"text": ["a", None, None]},
        [],
    ),
    "integers that no float is": (
        {"a.jsonl": '{"text": "a", "i": 9007199254740993}\n{"text": "b", "i": null}\n'},
        {"text": ["a", "b"], "i": [2**53 + 1, None]},
        [],
    ),
    "keys that objects lack": (
        {"a.jsonl": '{"text": "a", "m": [{"c": 1}]}\n{"text": "b", "m": [{"d": "x"}, null]}\n'},
        {"text": ["a", "b"], "m": [[{"c": 1, "d": None}], [{"c": None, "d": "x"}, None]]},
        [],
    ),
    "delimiters that differ": (
        {"d/0.csv": "text,n\na,1\n", "d/1.csv": "text;n\nb;2\n", "d/2.tsv": "n\ttext\n3\tc\n"},
        {"text": ["a", "b", "c"], "n": [1, 2, 3]},
        ["1.csv: fields end at ';'"],
    ),
    "columns in another order": (
        {"d/0.parquet": table(text=["a"], n=[1]), "d/1.parquet": table(n=[2], text=["b"])},
        {"text": ["a", "b"], "n": [1, 2]},
        [],
    ),
    "decimals of two scales": (
        {
            "d/0.parquet": table(text=["a"], d=[Decimal("1.5")]),
            "d/1.parquet": table(text=["b"], d=[Decimal("22.25")]),
        },
        {"text": ["a", "b"], "d": [Decimal("1.50"), Decimal("22.25")]},
        ["Column 'd' is read as decimal128(4, 2)"],
    ),
    "structs of two kinds": (
        {
            "d/0.parquet": table(text=["a"], s=[{"x": 1}]),
            "d/1.parquet": table(text=["b"], s=[{"y": "z", "x": 2}]),
        },
        {"text": ["a", "b"], "s": [{"x": 1, "y": None}, {"x": 2, "y": "z"}]},
        ["Column 's' is read as struct<x: int64, y: string>"],
    ),
    "a time with a zone and one without": (
        {
            "d/0.parquet": table(text=["a"], t=pa.array([1], pa.timestamp("us"))),
            "d/1.parquet": table(text=["b"], t=pa.array([datetime(2024, 1, 1, tzinfo=UTC)])),
        },
        {"text": ["a", "b"]},
        ["Column 't' is left out"],
    ),
    "a key of directories that is also a column": (
        {"d/lang=en/a.csv": "text,lang\na,de\n"},
        {"text": ["a"], "lang": ["de"]},
        ["'lang' in the names of directories is left out"],
    ),
    "keys of directories with spaces and escapes": (
        {"d/my key=a b%20c/x #1.csv": "text\na\n"},
        {"text": ["a"], "my key": ["a b c"]},
        ["Column 'my key' comes from the names of directories"],
    ),
    "keys of directories that look like dates and months": (
        {"d/day=2024-01-01/m=01/a.csv": "text\na\n", "d/day=2024-01-02/m=02/a.csv": "text\nb\n"},
        {"text": ["a", "b"], "day": ["2024-01-01", "2024-01-02"], "m": ["01", "02"]},
        ["Column 'day' comes from", "Column 'm' comes from"],
    ),
    "texts that are only in the names of directories": (
        {"d/text=bye/a.csv": "n,m\n2,x\n", "d/text=hello/a.csv": "n,m\n1,y\n"},
        {"n": [2, 1], "m": ["x", "y"], "text": ["bye", "hello"]},
        ["Column 'text' comes from"],
    ),
}
REFUSED: dict[str, tuple[Files, str]] = {
    "a line above the names": ({"a.csv": "Report\n\ntext,n\na,1\n"}, "line 3 has 2 fields"),
    "a space before quotation marks": ({"a.csv": 'n, text\n1, "a, b"\n'}, "line 2 has 3 fields"),
    "objects over several lines": ({"a.jsonl": '{\n"text": "a"\n}\n'}, "line 1 is not JSON"),
    "objects without a list": ({"a.json": '{"text": "a"}{"text": "b"}'}, "it is not JSON"),
    "no gzip in it": ({"a.csv.gz": b"text\na\n"}, "a.csv.gz can't be read: Not a gzipped file"),
    "only names of columns": ({"d/0.csv": "text\n", "d/1.csv": "text\n"}, "d has no rows"),
    "a column of lists": ({"a.parquet": table(text=[["a"]])}, "text (List)"),
    "a column of nulls": ({"a.parquet": table(text=pa.nulls(1))}, "text (null)"),
    "a column of bytes": ({"a.parquet": table(text=[b"a"])}, "text (binary)"),
    "names that differ in case": (
        {"d/0.parquet": table(text=["a"]), "d/1.parquet": table(Text=["b"])},
        "Several columns hold text: text, Text.",
    ),
    "a time that the other files can't have": (
        {
            "d/0.parquet": table(text=["a"], t=pa.array([2**40], pa.timestamp("s"))),
            "d/1.parquet": table(text=["b"], t=pa.array([1], pa.timestamp("ns"))),
        },
        "Column 't' of 0.parquet holds timestamp[ms], which can't be read as timestamp[ns]",
    ),
}


def written(write: Write, files: Files) -> str:
    """Return the file, or the directory of all."""
    paths = [write(name, content) for name, content in files.items()]
    root = paths[0]
    for _ in range(next(iter(files)).count("/")):
        root = root.parent
    return str(root)


@pytest.mark.parametrize("kind", READ)
def test_what_comes_out_is_what_went_in_or_noted(write: Write, kind: str) -> None:
    files, rows, notes = READ[kind]
    found = source.resolve(written(write, files))
    assert found.load().to_dict() == rows
    assert found.rows == found.in_file == len(rows["text"])
    for note, said in zip(found.notes, notes, strict=True):
        assert said in note


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused_with_its_place(write: Write, kind: str) -> None:
    files, said = REFUSED[kind]
    with pytest.raises(SourceError) as caught:
        source.resolve(written(write, files))
    assert said in caught.value.message
    assert str(caught.value.remedy).endswith(".")
