"""CSV and TSV files are read as their author meant; where that is open, it is said."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st

from demo_server.data import source
from demo_server.data.cleaning import check_texts
from demo_server.data.source_error import SourceError

Write = Callable[[str, "str | bytes | pa.Table"], Path]

CELLS = (
    st.text(max_size=6)
    | st.sampled_from(
        ['"', '""', "a,b", "two\nlines", "\r", "NA", "null", "007", "-0", "1e5", "\\"]
    )
    | st.integers(-(10**20), 10**20).map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
)


def same(cell: str, value: Any) -> bool:
    """Return whether a value is what a cell says."""
    if value is None or isinstance(value, str):
        return cell == (value or "")
    return str(value) == cell or (float(cell) == value and isinstance(value, float))


@given(
    st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8)
    ),
    st.sampled_from([",", ";", "\t"]),
    # With LF alone, Python before 3.13 puts no quotes around a cell with CR.
    st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_ALL)]),
)
def test_what_was_written_comes_back(
    rows: list[list[str]], delimiter: str, style: tuple[str, Any]
) -> None:
    line_end, quoting = style
    rows = [["first text", *["more"] * (len(rows[0]) - 1 if rows else 0)], *rows]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / ("a.tsv" if delimiter == "\t" else "a.csv")
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
            writer.writerow(["text", "b", "c"][: len(rows[0])])
            writer.writerows(rows)
        read = source.resolve(str(path))
        found = read.load().to_dict()
    assert read.rows == read.in_file == len(rows)
    all_quoted = quoting == csv.QUOTE_ALL or len(rows[0]) == 1  # else an empty line is no row
    assert found["text"] == [cells[0] or ("" if all_quoted else None) for cells in rows]
    for number, name in enumerate(found):
        cells = [row[number] for row in rows]
        assert all(map(same, cells, found[name])), (cells, found[name])


def texts(path: Path, text_column: str | None = None) -> list[str | None]:
    found = source.resolve(str(path), text_column)
    return list(found.load()[found.text_column])


def notes(path: Path) -> str:
    return " ".join(source.resolve(str(path)).notes)


def refused(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        source.resolve(str(path))
    return caught.value


def test_words_for_nothing_are_texts(write: Write) -> None:
    words = ["null", "None", "NA", "n/a", "nan", "-nan", "N/A", "<NA>", "#N/A", "NULL"]
    path = write("a.csv", "text,n\n" + "".join(f"{word},1\n" for word in words) + ",1\n")
    assert texts(path) == [*words, None]


def test_two_quotation_marks_are_an_empty_text_and_no_mark_is_no_value(write: Write) -> None:
    rows = [
        "text,word,n,flag,none,same",
        '"","",1,"True",,""',
        ',,"",,"",""',
        "",
        '"a,"",b","x\n"",""\ny","2",False,,""',
        ' ,\'\',"","",,""',
    ]
    found = source.resolve(str(write("a.csv", "\n".join(rows) + "\n")))
    assert found.load().to_dict() == {
        "text": ["", None, 'a,",b', " "],
        "word": ["", None, 'x\n","\ny', "''"],
        "n": [1, None, 2, None],
        "flag": [True, None, False, None],
        "none": [None, "", None, None],
        "same": [""] * 4,
    }
    assert found.in_file == found.rows == 4
    lines = "".join(f'{n},""\n{n},\n' for n in range(30_000))
    many = source.resolve(str(write("b.csv", f"n,text\n{lines}"))).load()
    assert many["text"][:] == ["", None] * 30_000


def test_rows_with_an_empty_text_and_without_a_value_are_counted_apart(write: Write) -> None:
    found = source.resolve(str(write("a.csv", 'n,text\n1,""\n2,\n3,a\n4,""\n')))
    cleaned = check_texts(found.load(), "text")
    assert (cleaned.kept, cleaned.null, cleaned.empty) == (1, 1, 2)


def test_numbers_stay_text_unless_all_are_spelled_as_numbers_are(write: Write) -> None:
    spelled = {
        "id": ["1", "-2", "", "1234567890123456789"],
        "zeros": ["007", "8", "9", "10"],
        "signs": ["+5", "1", "2", "3"],
        "powers": ["1e5", "2.5", "3.5", "4.5"],
        "prices": ["1.50", "2.25", "3.00", "4.75"],
        "floats": ["1.5", "2", "", "0.1"],
        "wide": ["9007199254740993", "0.5", "1", "1"],
        "beyond": ["9223372036854775808", "1", "1", "1"],
        "late": ["1", "2", "3", "four"],
        "text": ["1", "2", "3", "4"],
        "none": ["", "", "", ""],
        "flags": ["True", "False", "", "True"],
        "words": ["true", "false", "True", "False"],
    }
    lines = [",".join(spelled), *map(",".join, zip(*spelled.values(), strict=True))]
    read = source.resolve(str(write("a.csv", "\n".join(lines) + "\n"))).load().to_dict()
    assert read["id"] == [1, -2, None, 1234567890123456789]
    assert read["floats"] == [1.5, 2.0, None, 0.1]
    assert read["none"] == [None] * 4
    assert read["flags"] == [True, False, None, True]
    for name in ("words", "zeros", "signs", "powers", "prices", "wide", "beyond", "late", "text"):
        assert read[name] == spelled[name]


def test_the_type_of_a_column_is_that_of_its_last_row_too(write: Write) -> None:
    codes = [*map(str, range(11_000)), "abc", *map(str, range(1000)), "007"]
    path = write("a.csv", "code,text\n" + "".join(f"{code},x\n" for code in codes))
    assert source.resolve(str(path)).load()["code"][:] == codes


def test_the_column_that_is_asked_for_is_text_whatever_is_in_it(write: Write) -> None:
    assert texts(write("a.csv", "number,word\n1,a\n2,b\n"), "number") == ["1", "2"]


def test_stray_quotation_marks_are_part_of_the_text_and_that_is_said(write: Write) -> None:
    lines = [f"{n}\t{chr(34) * (n in (20, 220))}note {n}\n" for n in range(300)]
    path = write("a.tsv", "id\ttext\n" + "".join(lines))
    assert texts(path)[19:22] == ["note 19", '"note 20', "note 21"]
    assert source.resolve(str(path)).rows == 300
    assert 'part of the text, such as in line 22: 20\t"note 20.' in notes(path)
    assert "quoting=3" in source.resolve(str(path)).arguments


def test_two_stray_quotation_marks_do_not_quote_the_lines_between_them(write: Write) -> None:
    path = write("a.tsv", 'id\ttext\n1\t"one\n2\ttwo\n3\tthree"\n4\tfour\n')
    assert texts(path) == ['"one', "two", 'three"', "four"]
    assert "part of the text, such as in line 2" in notes(path)


def test_quotation_marks_inside_a_cell_are_part_of_the_text(write: Write) -> None:
    path = write("a.csv", 'id,text\n1,a 5" pipe\n2,"said ""yes"", then left"\n')
    assert texts(path) == ['a 5" pipe', 'said "yes", then left']
    assert notes(path) == ""


def test_quotation_marks_behind_backslashes_are_read_so_and_that_is_said(write: Write) -> None:
    path = write("a.csv", 'id,text\n1,"a \\"b\\", c"\n2,"C:\\new"\n')
    assert texts(path) == ['a "b", c', "C:\\new"]
    assert "behind a backslash" in notes(path)


def test_a_cell_of_several_lines_is_one_row_and_that_is_said(write: Write) -> None:
    path = write("a.csv", 'id,text\n1,"two\nlines"\n2,"no\r\nmore"\n3,c\n')
    assert texts(path) == ["two\nlines", "no\r\nmore", "c"]
    assert "5 lines make 3 rows" in notes(path)
    assert "begins in line 2" in notes(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,text\n1,a\n2,b,oops\n", "line 3 has 3 fields, and the first line has 2"),
        ("id,text\n1,a\n2\n", "line 3 has 1 fields, and the first line has 2"),
        ('id,text\n1,a\n2,"b\n3,c,d\n', "quotation marks are not in pairs in or before line 4"),
        ("text\nHello, world\n", "line 2 has 2 fields, and the first line has 1"),
    ],
)
def test_rows_that_differ_in_their_number_of_fields_are_refused_with_the_line(
    write: Write, content: str, said: str
) -> None:
    error = refused(write("a.csv", content))
    assert error.message.startswith("a.csv can't be read as rows: ")
    assert said in error.message
    assert "double quotes around a cell that contains ','" in str(error.remedy)


def test_the_remedy_for_a_comma_in_a_cell_works(write: Write) -> None:
    assert texts(write("a.csv", 'text\n"Hello, world"\n')) == ["Hello, world"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_is_found_and_said(write: Write, delimiter: str) -> None:
    rows = f"id{delimiter}text\n" + "".join(f"{n}{delimiter}a, b {n}\n" for n in range(3))
    path = write("a.csv", rows)
    assert texts(path) == ["a, b 0", "a, b 1", "a, b 2"]
    assert f"fields end at {delimiter!r}" in notes(path)


def test_a_first_line_that_looks_like_data_is_noted(write: Write) -> None:
    for content in (
        "the first of all notes\nnext\n",
        "yes,12\nno,3\n",
        "apple\npear\n",
        "good,I liked it\nbad,No\n",
        "pos,good\nneg,bad\npos,ok\n",
    ):
        path = write("a.csv", content)
        found = source.resolve(str(path), content.splitlines()[0].split(",")[0])
        assert "The first line of a.csv is taken for the names of the columns" in found.notes[0]
    for content in ("title,text\nx,y\n", "text\nx\n"):
        assert notes(write("b.csv", content)) == ""


def test_lines_under_one_name_are_texts_with_their_commas_and_that_is_said(write: Write) -> None:
    path = write("a.csv", 'text\nHello, world\nBye\n"Oh, no", she said\n')
    assert texts(path) == ["Hello, world", "Bye", '"Oh, no", she said']
    assert "every line is one text" in notes(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bom.csv", b"\xef\xbb\xbftext,n\r\na,1\r\nb,2\r\n"),
        ("oldmac.csv", b"text,n\ra,1\rb,2\r"),
        ("unended.csv", b"text,n\na,1\nb,2"),
        ("blank.csv", b"\ntext,n\n\na,1\nb,2\n\n"),
        ("a.csv.gz", gzip.compress(b"text,n\na,1\nb,2\n")),
        ("a.tsv.bz2", bz2.compress(b"text\tn\na\t1\nb\t2\n")),
    ],
)
def test_marks_line_ends_and_compression_are_not_data(
    write: Write, name: str, content: bytes
) -> None:
    found = source.resolve(str(write(name, content)))
    assert found.load().to_dict() == {"text": ["a", "b"], "n": [1, 2]}
    assert found.in_file == 2


@pytest.mark.parametrize(
    ("name", "compress"),
    [("a.csv.gz", gzip.compress), ("a.csv.bz2", bz2.compress), ("a.csv.xz", lzma.compress)],
)
def test_a_compressed_file_that_is_cut_off_is_refused_by_its_name(
    write: Write, name: str, compress: Callable[[bytes], bytes]
) -> None:
    whole = compress(b"".join(b"row number %d,%d\n" % (n, n * n) for n in range(5000)))
    assert name in refused(write(name, b"text,n\n" + whole)).message
    assert name in refused(write(name, whole[: len(whole) // 2])).message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_with_the_remedy(write: Write, encoding: str) -> None:
    error = refused(write("a.csv", "text\nnote one\nnote two\n".encode(encoding)))
    assert error.message == "a.csv is UTF-16, not UTF-8."
    assert "Save it as UTF-8" in str(error.remedy)


def test_columns_without_a_name_and_with_the_same_are_named_as_pandas_does(write: Write) -> None:
    found = source.resolve(str(write("a.csv", ",text,n,n\n0,a,1,2\n")))
    assert found.columns == ("Unnamed: 0", "text", "n", "n.1")
    assert "several columns are named 'n'" in found.notes[0]
    assert found.notes[1] == "a.csv: a column without a name is called 'Unnamed: 0'."


def test_no_name_that_is_made_up_is_one_of_the_data(write: Write) -> None:
    found = source.resolve(str(write("a.csv", "text,n,n,n.1,,Unnamed: 4\na,1,2,3,4,5\n")))
    rows = {"text": "a", "n": 1, "n.2": 2, "n.1": 3, "Unnamed: 4.1": 4, "Unnamed: 4": 5}
    assert found.load()[0] == rows


def test_files_whose_columns_differ_are_one_table(write: Write) -> None:
    write("d/train-0.csv", "text,n,code\na,1,1\n")
    directory = write("d/train-1.csv", "code,text\nx,b\n").parent
    found = source.resolve(str(directory))
    rows = {"text": ["a", "b"], "n": [1, None], "code": ["1", "x"]}
    assert found.load().to_dict() == rows
    said = "Column 'n' is in 1 of 2 files, such as train-0.csv: it has no values in the others."
    assert found.notes == (said,)


def test_what_is_true_of_many_files_is_noted_once(write: Write) -> None:
    for number in range(30):
        directory = write(f"d/{number}.csv", f"id;text\n{number};a\n").parent
    [note] = source.resolve(str(directory)).notes
    assert note == "0.csv: fields end at ';'. The same goes for 29 more files."


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("na.csv", "text,n\nNA,1\n007,2\n1e5,3\n"),
        ("semicolons.csv", 'text;n\n"a; b";1\nNA;2\n'),
        ("excel.csv", "sep=;\ntext;n\na, b;1\n"),
        ("stray.tsv", 'text\tn\n"a\t1\nb\t2\n"c\t3\n'),
        ("backslashes.csv", 'n,text\n1,"a \\"b\\", c"\n'),
    ],
)
def test_the_code_for_another_machine_reads_the_same_texts(
    write: Write, name: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = source.resolve(str(write(name, content)))
    monkeypatch.chdir(tmp_path)
    call = f"load_dataset({found.arguments}, cache_dir={str(tmp_path / 'hf')!r})"
    there = eval(call, {"load_dataset": load_dataset, "str": str})
    assert there["text"][:] == found.load()["text"][:]


@pytest.mark.parametrize("first", ['"text" ,n', '"text,n'])
def test_a_quotation_mark_that_stands_alone_in_the_first_line_belongs_to_its_name(
    write: Write, first: str
) -> None:
    path = write("a.csv", f"{first}\na,1\n")
    names = first.split(",")
    assert source.resolve(str(path), names[0]).load()[names[0]][:] == ["a"]
