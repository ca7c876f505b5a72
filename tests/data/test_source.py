"""`--dataset` and `--text-column`: what is read, and what is refused with which words."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from demo_server.data import source
from demo_server.data.source import DatasetSource
from demo_server.data.source_error import SourceError
from demo_server.data.spec import Spec, parse
from demo_server.system.checkout import BUNDLED_DATA

Write = Callable[[str, "str | bytes | pa.Table"], Path]


def refused(spec: Path | str, text_column: str | None = None) -> SourceError:
    with pytest.raises(SourceError) as caught:
        source.resolve(str(spec), text_column)
    assert caught.value.remedy.endswith(".")
    assert caught.value.message in str(caught.value)
    return caught.value


def test_without_a_spec_it_is_the_bundled_dataset() -> None:
    resolved = source.resolve()
    assert resolved.path == str(BUNDLED_DATA)
    assert resolved.title == "wordnet"
    assert resolved.text_column == "text"
    assert resolved.columns == ("id", "word", "words", "text", "category")
    assert resolved.rows >= 110_000
    assert len(resolved.load()) == resolved.rows


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,n\nhello,1\n"two\nlines",2\n'),
        ("a.tsv", "text\tn\nhello\t1\nbye\t2\n"),
        ("a.jsonl", '{"text": "hello", "n": 1}\n{"text": "bye", "n": 2}\n'),
        ("a.json", '[{"text": "hello", "n": 1}, {"text": "bye", "n": 2}]'),
        ("a.txt", "hello\nbye\n"),
        ("a.parquet", pa.table({"text": ["hello", "bye"], "n": [1, 2]})),
        ("UPPER.CSV", "text,n\nhello,1\nbye,2\n"),
    ],
)
def test_one_file_of_each_kind_is_read(write: Write, name: str, content: str) -> None:
    resolved = source.resolve(str(write(name, content)))
    assert resolved.text_column == "text"
    assert resolved.rows == 2
    assert resolved.title == name
    assert resolved.load()["text"][0] == "hello"


def test_a_changed_file_is_read_again(write: Write) -> None:
    path = write("data/a.csv", "text\nold\n")
    for spec in (path, path.parent):
        assert source.resolve(str(spec)).load()["text"] == ["old"]
    write("data/a.csv", "text\nnew\nnewer\n")
    for spec in (path, path.parent):
        assert source.resolve(str(spec)).load()["text"] == ["new", "newer"]


def test_a_directory_with_two_splits_needs_no_name_for_train(write: Write) -> None:
    write("pair/train-00000.csv", "text\na\n")
    directory = write("pair/test-00000.csv", "text\nb\nc\n").parent
    assert source.resolve(str(directory)).split == "train"
    other = source.resolve(f"{directory}::test")
    assert (other.split, other.rows) == ("test", 2)


def test_the_only_split_is_taken_whatever_its_name(write: Write) -> None:
    directory = write("one/validation-00000.csv", "text\nb\n").parent
    assert source.resolve(str(directory)).split == "validation"


@given(st.text(max_size=40))
def test_every_spec_is_parsed_or_refused_as_the_dataset(spec: str) -> None:
    fields = []
    try:
        parsed: object = parse(spec)
    except SourceError as error:
        parsed = error
        fields.append(error.field)
    assert isinstance(parsed, Spec) or fields == ["dataset"]


def test_a_hub_spec_is_taken_apart_without_a_network() -> None:
    parsed = parse("cardiffnlp/tweet_eval:sentiment:train")
    assert parsed == Spec("cardiffnlp/tweet_eval", "sentiment", "train")
    assert parsed.is_on_hub
    assert parsed.title == "cardiffnlp/tweet_eval (sentiment)"


def test_code_for_another_machine_names_no_directory_of_this_one(write: Write) -> None:
    assert source.resolve().arguments == '"data/wordnet", split="train"'
    file = write("mine.tsv", "text\nb\n")
    assert source.resolve(str(file)).arguments == (
        '"csv", split="train", data_files="mine.tsv", delimiter="\\t", keep_default_na=False, '
        'na_values=[""], converters={"text": str}'
    )
    hub = DatasetSource("cardiffnlp/tweet_eval", "sentiment", "train")
    assert hub.arguments == '"cardiffnlp/tweet_eval", name="sentiment", split="train"'


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("", "no name"),
        ("a:b:c:d", "colons"),
        ("./missing", "no file or directory"),
        ("missing.csv", "no file or directory"),
        ("user/name/extra", "not a valid name of a dataset on the hub"),
        ("bad name!", "not a valid name of a dataset on the hub"),
    ],
)
def test_a_spec_that_names_nothing_is_refused(spec: str, said: str) -> None:
    error = refused(spec)
    assert error.field == "dataset"
    assert said in error.message


def test_the_text_column_is_detected_by_its_usual_name(write: Write) -> None:
    assert source.resolve(str(write("a.csv", "title,content\nx,y\n"))).text_column == "content"
    assert source.resolve(str(write("b.csv", "Text,other\nx,y\n"))).text_column == "Text"
    assert source.resolve(str(write("c.csv", "whatever,n\nx,1\n"))).text_column == "whatever"


def test_an_ambiguous_text_column_is_rejected_with_the_choices(write: Write) -> None:
    path = write("a.csv", "left,right\nx,y\n")
    error = refused(path)
    assert error.field == "text_column"
    assert "left, right" in error.message
    assert "--text-column" in error.remedy
    assert source.resolve(str(path), "right").text_column == "right"


def test_a_column_with_the_name_of_the_one_that_a_run_adds_is_refused(write: Write) -> None:
    file = write("notes.jsonl", '{"text": "a", "embedding": [1.0]}\n')
    with pytest.raises(SourceError, match="has a column 'embedding', the name of the one") as error:
        source.resolve(str(file))
    assert "Rename that column" in (error.value.remedy or "")


def test_a_column_that_is_missing_or_no_text_is_refused_with_the_choice(write: Write) -> None:
    path = write("a.parquet", pa.table({"text": ["a"], "n": [1]}))
    missing = refused(path, "nope")
    assert missing.field == "text_column"
    assert "the columns are text, n" in missing.message
    number = refused(path, "n")
    assert "holds int64, not text" in number.message
    assert "Columns of text: text" in number.remedy
    assert "n (int64)" in refused(write("b.csv", "n\n1\n")).message


def test_a_column_of_mixed_types_is_refused_with_its_row(write: Write) -> None:
    error = refused(write("a.jsonl", '{"text": "a"}\n{"text": "b"}\n{"text": 3}\n'))
    assert error.field == "text_column"
    assert "row 2 is '3'" in error.message


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.parquet", b"no parquet at all, but long enough", "Parquet"),
        ("a.jsonl", '{"text": "a"}\n{"text":\n', "line 2 is not JSON"),
        ("a.txt", b"caf\xe9\n", "line 1 holds byte 0xe9"),
        ("a.csv", b"text\ncaf\xe9\n", "not UTF-8: line 2"),
        ("ragged.csv", "a,b\n1,2\n1,2,3,4\n", "line 3"),
        ("a.pdf", "x", ".parquet, .csv"),
        ("empty.csv", "", "is empty"),
        ("header.csv", "text,n\n", "has no rows"),
        ("zero.parquet", pa.table({"text": pa.array([], pa.string())}), "has no rows"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    write: Write, name: str, content: str | bytes | pa.Table, said: str
) -> None:
    error = refused(write(name, content))
    assert error.field == "dataset"
    assert said in str(error)


def test_a_damaged_page_of_parquet_is_found(write: Write) -> None:
    path = write("a.parquet", pa.table({"text": [f"{n} {n * n}" * 20 for n in range(2000)]}))
    content = bytearray(path.read_bytes())
    content[500:900] = os.urandom(400)
    path.write_bytes(bytes(content))
    with pytest.raises(SourceError, match=r"a\.parquet can't be read: "):
        source.resolve(str(path))


def test_an_empty_directory_and_one_of_save_to_disk_get_different_messages(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    assert "no data files" in refused(tmp_path / "nothing").message
    Dataset.from_dict({"text": ["a"]}).save_to_disk(str(tmp_path / "saved"))
    assert "to_parquet" in refused(tmp_path / "saved").remedy


def test_a_readme_that_cannot_be_read_is_refused_with_what_to_correct(write: Write) -> None:
    write("d/a.csv", "text\na\n")
    directory = write("d/README.md", "---\nconfigs: [}\n---\n").parent
    error = refused(directory)
    assert error.message.startswith("The README.md of d begins with lines that are not YAML: ")
    write("d/README.md", "---\n---\n")
    assert source.resolve(str(directory)).rows == 1


def test_one_file_has_no_configs_and_no_other_split(write: Write) -> None:
    path = write("a.csv", "text\na\n")
    assert "one file" in refused(f"{path}:config").message
    assert "one file" in refused(f"{path}::test").message
    assert source.resolve(f"{path}::train").rows == 1


def test_a_split_that_a_directory_lacks_is_refused_with_those_it_has(write: Write) -> None:
    directory = write("d/train-00000.csv", "text\na\n").parent
    error = refused(f"{directory}::nope")
    assert "it has train" in error.message
