"""A message names what is known, and no cause that isn't."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest
from datasets.exceptions import DatasetGenerationError

from demo_server.data.source_error import SourceError, as_source_error


def explained(error: Exception) -> SourceError:
    with pytest.raises(SourceError) as caught, as_source_error("user/name"):
        raise error
    return caught.value


def chained(outer: Exception, *causes: Exception) -> Exception:
    link: BaseException = outer
    for cause in causes:
        link.__cause__ = cause
        link = cause
    return outer


def test_the_message_is_the_innermost_cause_of_several_words() -> None:
    opaque = DatasetGenerationError("An error occurred while generating the dataset")
    error = explained(chained(opaque, ValueError("row 3 has no text"), KeyError("text")))
    assert error.message == "user/name can't be read: row 3 has no text."


def test_what_was_handled_before_is_not_taken_for_the_cause() -> None:
    error = ValueError("the header is empty")
    error.__context__, error.__suppress_context__ = RuntimeError("look elsewhere first"), True
    assert "the header is empty" in explained(error).message


def test_no_unknown_error_is_given_a_cause() -> None:
    error = explained(RuntimeError("something went wrong"))
    assert "damaged" not in str(error)
    assert error.remedy == "Choose another file, split or dataset with --dataset."


def test_no_directory_of_the_machine_is_named() -> None:
    error = explained(OSError("could not read /home/speaker/talk/data.arrow of https://hub.co/a/b"))
    assert "could not read data.arrow of https://hub.co/a/b" in error.message


def test_a_cache_of_hugging_face_that_cannot_be_written_is_named_with_its_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "hf"))
    error = explained(PermissionError(13, "Permission denied", str(tmp_path / "hf" / "a.lock")))
    assert error.field == "cache"
    assert f"cache {tmp_path / 'hf'} can't be used: Permission denied." in error.message
    assert "HF_HOME" in str(error.remedy)


def test_a_remedy_for_an_encoding_is_given_only_where_decoding_failed() -> None:
    error = explained(
        chained(ValueError("no rows"), UnicodeDecodeError("utf-8", b"\xe9", 0, 1, ""))
    )
    assert "Save it as UTF-8" in str(error.remedy)
    for words in ("the file utf-8.csv has no column 'text'", "Invalid UTF8 in the name of a file"):
        assert "UTF-8" not in str(explained(ValueError(words)).remedy)
