"""Local files are read once, from wherever they lie, and again when they have changed."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from datasets import Dataset, load_dataset

from demo_server.data import cache_space, cached_table, source, text_lines
from demo_server.data.contents import DataFile
from demo_server.data.source_error import SourceError
from demo_server.data.spec import parse

Write = Callable[[str, "str | bytes | pa.Table"], Path]


def texts(path: Path) -> list[str]:
    found = source.resolve(str(path))
    return list(found.load()[found.text_column])


def test_files_that_have_not_changed_are_not_read_again(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.csv", "text\na\n")
    first = source.resolve(str(path))
    monkeypatch.setattr(cached_table, "contents_of", None)
    assert source.resolve(str(path)) == first


def test_a_file_that_changed_under_its_old_time_and_size_is_read_again(write: Write) -> None:
    path = write("d/a.csv", "text\nold\n")
    for spec in (path, path.parent):
        assert texts(spec) == ["old"]
    before = path.stat()
    write("d/a.csv", "text\nnew\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for spec in (path, path.parent):
        assert texts(spec) == ["new"]


@pytest.mark.parametrize(
    "name",
    [
        "notes [final].csv",
        "a*b?.csv",
        "(1) #2 100%.csv",
        "hub [v2]/train.csv",
        "a [b]/*c/train.csv",
    ],
)
def test_a_path_is_a_path_and_no_pattern(write: Write, tmp_path: Path, name: str) -> None:
    write(name, "text\na\n")
    assert texts(tmp_path / name) == ["a"]
    top = tmp_path / Path(name).parts[0]
    assert texts(top) == ["a"]


def test_a_file_behind_a_link_has_the_name_of_the_link(write: Write, tmp_path: Path) -> None:
    (tmp_path / "train.csv").symlink_to(write("blobs/0f3a", "text\na\n"))
    assert texts(tmp_path / "train.csv") == ["a"]
    assert source.resolve(str(tmp_path / "train.csv")).title == "train.csv"


def test_links_to_directories_are_followed_and_their_files_read_once(
    write: Write, tmp_path: Path
) -> None:
    write("pool/2024/b.csv", "text\nb\n")
    directory = write("d/a.csv", "text\na\n").parent
    (directory / "more").symlink_to(tmp_path / "pool")
    found = source.resolve(str(directory))
    assert (found.load()["text"][:], found.in_file, found.notes) == (["a", "b"], 2, ())
    (directory / "latest").symlink_to(tmp_path / "pool" / "2024")
    (directory / "self").symlink_to(directory)
    (directory / "up").symlink_to(tmp_path)
    (tmp_path / "pool" / "back").symlink_to(directory)
    found = source.resolve(str(directory))
    assert sorted(found.load()["text"][:]) == ["a", "b"]
    assert "is a link to a directory that is read by another name" in found.notes[0]
    write("pool/2024/b.csv", "text\nc\n")
    assert sorted(texts(directory)) == ["a", "c"]


def test_a_link_to_nothing_is_noted(write: Write) -> None:
    directory = write("d/train-0.csv", "text\na\n").parent
    (directory / "train-1.csv").symlink_to("gone.csv")
    found = source.resolve(str(directory))
    assert found.notes == ("train-1.csv is a link to nothing, so it adds no rows.",)
    write("d/gone.csv", "text\nb\n")
    assert texts(directory) == ["a", "b"]


def test_a_readme_states_which_files_make_which_config_and_split(
    write: Write, tmp_path: Path
) -> None:
    card = "---\nconfigs:\n- config_name: {}\n  data_files:\n  - split: {}\n    path: {}\n---\n"
    write("hub [v2]/README.md", card.format("small", "dev", "part/*.csv"))
    write("hub [v2]/part/0.csv", "text\na\n")
    write("hub [v2]/other.csv", "text\nb\n")
    found = source.resolve(f"{tmp_path / 'hub [v2]'}:small:dev")
    assert found.load()["text"][:] == ["a"]
    assert found.title == "hub [v2] (small)"


def test_load_dataset_is_given_the_same_rows(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache [v2]"))
    found = source.resolve(str(write("notes [final].csv", "text,n\nNA,\n007,3\n")))
    path, options = found.load_arguments
    assert load_dataset(path, **options).to_dict() == found.load().to_dict()


def test_a_cache_that_cannot_be_written_is_not_called_a_fault_of_the_data(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.csv", "text\na\n")
    write("file", "in the way")
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "file"))
    with pytest.raises(SourceError) as caught:
        source.resolve(str(path))
    assert caught.value.field == "cache"
    assert caught.value.message.startswith(f"The cache {tmp_path / 'file'} can't be written: ")
    assert "DEMO_CACHE" in str(caught.value.remedy)
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "elsewhere"))
    assert texts(path) == ["a"]


def test_a_damaged_entry_of_the_cache_has_the_file_read_again(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache"))
    path = write("a.csv", "text\na\n")
    assert texts(path) == ["a"]
    [entry] = (tmp_path / "cache").rglob("*.json")
    entry.write_text("{")
    assert texts(path) == ["a"]


@pytest.mark.parametrize("damage", [lambda whole: whole[:-200], lambda whole: b"?" * len(whole)])
def test_rows_in_the_cache_that_are_damaged_are_read_again(
    write: Write, cache: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = write("a.csv", "text\n" + "a row\n" * 100)
    found = source.resolve(str(path))
    [arrow] = cache.rglob("*.arrow")
    stat = arrow.stat()
    for time in (stat.st_mtime_ns, stat.st_mtime_ns + 1):
        arrow.write_bytes(damage(arrow.read_bytes()))
        os.utime(arrow, ns=(time, time))
        assert texts(path) == ["a row"] * 100
    arrow.write_bytes(damage(arrow.read_bytes()))
    with pytest.raises(SourceError) as caught:
        found.load()
    assert caught.value.field == "cache"
    assert caught.value.message.startswith(f"{arrow.name} in the cache can't be read: ")
    assert texts(path) == ["a row"] * 100


def test_the_last_row_is_named_where_python_has_no_such_value() -> None:
    values = {"day": pa.array([3_000_000], pa.date32()), "list": pa.array([[1]])}
    last = {"a.parquet": cached_table.FileRows(1, pa.record_batch(values))}
    [note] = cached_table.differences({"a.parquet": 2}, last)
    assert note.endswith(
        "1 were read, of which the last is day: 10183-09-21, list: <list<item: int64>>."
    )


def test_local_files_need_no_cache_of_hugging_face(write: Write, tmp_path: Path) -> None:
    write("file", "in the way")
    directory = write("d/train.csv", "text\na\n").parent
    code = (
        "import sys; from demo_server.data import source; "
        "sys.exit([source.resolve(spec).rows for spec in (None, sys.argv[1])][1] != 1)"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    home = {"HOME": str(tmp_path / "file"), "HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-c", code, str(directory)], env={**kept, **home}, check=True)


def test_files_that_no_split_takes_are_named(write: Write, tmp_path: Path) -> None:
    for name in ("train.csv", "test.csv", "extra.csv"):
        write(f"d/{name}", "text\na\n")
    write("d/part/more.jsonl", '{"text": "b"}\n')
    found = source.resolve(str(tmp_path / "d"))
    left = ("d has files that no split of it takes: extra.csv, part/more.jsonl.",)
    assert found.notes == left
    write("d/README.md", "---\nlicense: mit\n---\nNotes of our customers.\n")
    assert source.resolve(str(tmp_path / "d")).notes == left


def test_files_of_another_kind_are_named_and_the_others_read_here(
    write: Write, tmp_path: Path
) -> None:
    for name in ("a.csv", "B.CSV", "c.csv.bak", "d.csv.zst", "e.parquet"):
        write(f"d/{name}", f"text\nNA {name}\n")
    write("d/.hidden.csv", "text\nno\n")
    found = source.resolve(str(tmp_path / "d"))
    assert sorted(found.load()["text"][:]) == ["NA B.CSV", "NA a.csv"]
    untaken, left = found.notes
    assert untaken == "d has files that no split of it takes: e.parquet."
    assert left == (
        "d has files of another kind than the csv that is read: c.csv.bak, d.csv.zst. Unpack or "
        "convert them, or leave them out."
    )


def test_a_cache_that_was_moved_is_made_again(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.csv", "text\na\n")
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache"))
    assert texts(path) == ["a"]
    (tmp_path / "cache").rename(tmp_path / "moved")
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "moved"))
    assert texts(path) == ["a"]


def test_what_programs_keep_in_hidden_directories_is_neither_read_nor_noted(
    write: Write, tmp_path: Path
) -> None:
    directory = write("d/a.csv", "text\na\n").parent
    write("d/.git/b.csv", "text\nb\n")
    (directory / ".git" / "up").symlink_to(tmp_path)
    (directory / ".#a.csv").symlink_to("nobody@nowhere")
    found = source.resolve(str(directory))
    assert (found.load()["text"][:], found.notes) == (["a"], ())


def test_a_delimiter_of_several_characters_is_left_to_datasets(
    write: Write, tmp_path: Path
) -> None:
    write("d/a.csv", "text||n\na||1\n")
    card = "---\nconfigs:\n- config_name: default\n  data_files: a.csv\n  sep: '||'\n---\n"
    write("d/README.md", card)
    with pytest.raises(SourceError):
        source.resolve(str(tmp_path / "d"))


def test_a_file_without_anything_in_it_adds_no_rows(write: Write, tmp_path: Path) -> None:
    for kind, content in (("csv", "text\na\n"), ("jsonl", '{"text": "a"}\n'), ("txt", "a\n")):
        write(f"{kind}/train-0.{kind}", content)
        write(f"{kind}/train-1.{kind}", "")
        found = source.resolve(str(tmp_path / kind))
        assert (found.load()["text"][:], found.in_file) == (["a"], 1)


def test_what_else_datasets_reads_it_still_reads(tmp_path: Path) -> None:
    with pa.OSFile(str(tmp_path / "train.arrow"), "wb") as file:
        table = pa.table({"text": ["a", "b"]})
        with pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
    found = source.resolve(str(tmp_path))
    assert (found.rows, found.in_file) == (2, None)
    assert found.load()["text"][:] == ["a", "b"]


def test_output_of_spark_below_a_hidden_directory_is_read(write: Write) -> None:
    write(".private/out.parquet/_SUCCESS", "")
    write(".private/out.parquet/.part-0.parquet.crc", b"crc\0")
    part = write(".private/out.parquet/part-0.snappy.parquet", pa.table({"text": ["a"]}))
    assert texts(part.parent) == ["a"]


@pytest.mark.parametrize("text", ["word " * 1_000_000, "a\0b", "  \ta\n\n", "\0"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_text_may_be_of_any_length_and_characters(write: Write, kind: str, text: str) -> None:
    row = json.dumps({"text": text}) if kind == "jsonl" else f'"{text}"'
    head = "text\n" if kind == "csv" else ""
    assert texts(write(f"a.{kind}", f"{head}{row}\n")) == [text]


def test_lines_of_text_are_rows_whatever_separates_them(write: Write) -> None:
    strange = "alpha\u2028beta\x85gamma\x0cdelta\x1cend"
    path = write("a.txt", f"{strange}\r\n\n  b\nlast".encode())
    found = source.resolve(str(path))
    assert found.load()["text"][:] == [strange, "", "  b", "last"]
    assert (found.rows, found.in_file, found.notes) == (4, 4, ())


def test_rows_that_were_not_read_are_noted_with_the_last_that_was(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in (("0", "a\nb\n"), ("1", "c\n"), ("2", "")):
        write(f"d/train-{name}.txt", content)
    path = write("d/train-3.txt", "e\nf\n").parent

    def without_the_last(files: list[DataFile]) -> Iterator[tuple[DataFile, pa.RecordBatch]]:
        for file, batch in whole(files):
            yield file, batch.slice(0, batch.num_rows - file.name.endswith(("0.txt", "1.txt")))

    whole = text_lines.batches
    monkeypatch.setattr(text_lines, "batches", without_the_last)
    found = source.resolve(str(path))
    assert (found.in_file, found.rows) == (5, 3)
    assert found.notes == (
        "train-0.txt has 2 rows by another count, and 1 were read, of which the last is "
        "text: a. The same goes for 1 more files.",
    )


def read_elsewhere(*paths: Path) -> None:
    """Read files in a process that ends."""
    code = "import sys; from demo_server.data import source; [*map(source.resolve, sys.argv[1:])]"
    subprocess.run([sys.executable, "-c", code, *map(str, paths)], check=True)


def kept(cache: Path) -> set[str]:
    """The first texts of the files in the cache, each with what belongs to it."""
    arrows = list((cache / "datasets").glob("*.arrow"))
    assert {arrow.stem for arrow in arrows} == {
        known.stem for known in (cache / "datasets").glob("*.json")
    }
    return {Dataset.from_file(str(arrow))["text"][0] for arrow in arrows}


def test_what_was_used_longest_ago_goes_when_the_cache_is_full(
    write: Write, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c, d = [write(f"{name}.csv", f"text\n{name}\n") for name in "abcd"]
    read_elsewhere(a, b, c, a)
    part = cache / "datasets" / "killed.arrow.1.part"
    part.write_text("half")
    os.utime(part, (0, 0))
    made = cache / "datasets" / "loaded" / cached_table.key_of(parse(str(b)), None)
    made.mkdir(parents=True)
    arrows = list((cache / "datasets").glob("*.arrow"))
    monkeypatch.setattr(cache_space, "MOST_BYTES", sum(map(cache_space.size, arrows)) + 99)
    assert texts(d) == ["d"]
    assert kept(cache) == {"a", "c", "d"}
    assert not part.exists()
    assert not made.exists()
    assert texts(b) == ["b"]
    assert kept(cache) == {"a", "b", "d"}


def test_a_file_that_a_process_reads_stays(
    write: Write, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = [write(f"{name}.csv", f"text\n{name}\n") for name in "abc"]
    read_elsewhere(a, b)
    assert texts(a) == ["a"]
    monkeypatch.setattr(cache_space, "MOST_BYTES", 1)
    assert texts(c) == ["c"]
    assert kept(cache) == {"a", "c"}


def test_a_file_that_cannot_be_removed_is_named_in_the_log(
    write: Write, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = [write(f"{name}.csv", f"text\n{name}\n") for name in "ab"]
    read_elsewhere(a)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(cache_space, "MOST_BYTES", 1)
    monkeypatch.setattr(Path, "unlink", refuse)
    assert texts(b) == ["b"]
    assert kept(cache) == {"a", "b"}
    [line] = caplog.messages
    assert line.endswith(".arrow can't be removed: Operation not permitted")
