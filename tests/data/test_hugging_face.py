"""Datasets and models of a hub: online, cached, offline, private, and names that aren't there.

Each question is asked by a process of its own, with a cache of its own, as the driver is.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.bounds import HANG_S
from tests.support.local_hub import LocalHub, Repository, serve

CARD = b"""---
configs:
- config_name: sentiment
  data_files:
  - split: train
    path: sentiment/train-*
  - split: test
    path: sentiment/test-*
- config_name: irony
  data_files:
  - split: train
    path: irony/train-*
---
"""
CELLS = b'text,code,score\nNA,007,1\n"",1,\n'
DECLARED = b"""---
configs:
- config_name: default
  sep: "+"
  data_files: "*.csv"
dataset_info:
  features:
  - {name: text, dtype: string}
  - {name: code, dtype: string}
  - name: score
    dtype: {class_label: {names: {"0": "bad", "1": "good"}}}
---
"""
HEADLESS = b"""---
configs:
- config_name: default
  names: [text, n]
  data_files: "*.csv"
---
"""
ASK = """
import json, sys
from demo_server.data import source
from demo_server.embedding import model
from demo_server.protocol.errors import InputError
what, spec, column = sys.argv[1], sys.argv[2], sys.argv[3] or None
try:
    if what == "model":
        found = model.resolve(spec)
        answer = {"path": found.path, "origin": found.origin}
    else:
        found = source.resolve(spec, column)
        answer = {"texts": found.load()[found.text_column][:], "rows": found.rows}
        if what == "table":
            answer |= {"table": found.load().to_dict(), "notes": found.notes}
            answer |= {"code": found.arguments}
except InputError as error:
    answer = {"field": error.field, "message": error.message, "remedy": error.remedy}
print("ANSWER" + json.dumps(answer))
"""

Ask = Callable[..., dict[str, Any]]


def parquet(texts: list[str]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": texts, "label": list(range(len(texts)))}), buffer)
    return buffer.getvalue()


def safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4)


# A module after the transformer, with weights of the older kind.
PARTS = {
    "modules.json": json.dumps(
        [
            {"path": "", "type": "sentence_transformers.models.Transformer"},
            {"path": "2_Dense", "type": "sentence_transformers.models.Dense"},
        ]
    ).encode(),
    "2_Dense/config.json": b"{}",
    "2_Dense/pytorch_model.bin": b"x" * 100,
}


def files() -> dict[str, bytes]:
    return {
        "README.md": CARD,
        "sentiment/train-00000-of-00001.parquet": parquet(["good", "bad"]),
        "sentiment/test-00000-of-00001.parquet": parquet(["fine"]),
        "irony/train-00000-of-00001.parquet": parquet(["sure"]),
    }


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    small = {
        "config.json": b'{"model_type": "bert"}',
        "tokenizer.json": b"{}",
        "model.safetensors": safetensors(),
    }
    extra = {"onnx/model.onnx": b"x" * 100, "pytorch_model.bin": b"x" * 100}
    known = LocalHub(
        datasets={
            "course/tweets": Repository(files()),
            "course/plain": Repository(
                {"data/train-0.csv": CELLS, "data/train-1.csv": b"text\nb\n"}
            ),
            "course/declared": Repository(
                {"README.md": DECLARED, "0.csv": CELLS.replace(b",", b"+").replace(b"007", b"7")}
            ),
            "course/headless": Repository({"README.md": HEADLESS, "0.csv": b"a,1\nb,2\n"}),
            "course/private": Repository(files(), token="let-me-in"),
            "course/gated": Repository(files(), token="let-me-in", gated=True),
        },
        models={
            "course/small": Repository({**small, **extra}),
            "course/private": Repository(small, token="let-me-in"),
            "course/parts": Repository({**small, **PARTS}),
            "course/empty": Repository({"README.md": b"nothing"}),
        },
    )
    with serve(known):
        yield known


@pytest.fixture
def ask(hub: LocalHub, tmp_path: Path) -> Ask:
    """Resolve in a process whose Hugging Face settings are these, and nobody else's."""

    def ask_in_a_process(
        spec: str, column: str = "", *, what: str = "dataset", **settings: str
    ) -> dict[str, Any]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment = {**kept, "HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": hub.url}
        process = subprocess.run(
            [sys.executable, "-c", ASK, what, spec, column],
            env={**environment, **settings},
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
        )
        assert "ANSWER" in process.stdout, process.stderr[-2000:]
        answer: dict[str, Any] = json.loads(process.stdout.split("ANSWER")[1])
        return answer

    return ask_in_a_process


def test_a_dataset_comes_from_the_hub_then_from_its_cache_when_the_hub_is_gone(
    hub: LocalHub, ask: Ask
) -> None:
    spec = "course/tweets:sentiment:train"
    assert ask(spec) == {"texts": ["good", "bad"], "rows": 2}
    assert ask(spec, HF_HUB_OFFLINE="1") == {"texts": ["good", "bad"], "rows": 2}
    asked = len(hub.requests)
    started = time.monotonic()
    gone = ask(spec, HF_ENDPOINT="http://127.0.0.1:9")
    assert gone == {"texts": ["good", "bad"], "rows": 2}
    assert time.monotonic() - started < 15  # the libraries alone try for three times as long
    assert len(hub.requests) == asked


def test_what_is_not_cached_is_refused_without_the_hub(ask: Ask) -> None:
    for settings in ({"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}):
        answer = ask("course/tweets:sentiment:train", **settings)
        assert answer["field"] == "dataset"
        assert "hub can't be reached" in answer["message"]
        assert "HF_HUB_OFFLINE" in answer["remedy"]


def test_a_config_that_was_never_fetched_is_refused_offline(ask: Ask) -> None:
    ask("course/tweets:sentiment:train")
    answer = ask("course/tweets:irony:train", HF_HUB_OFFLINE="1")
    assert "hub can't be reached" in answer["message"]


def test_a_cache_that_cannot_be_written_is_named_with_its_setting(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = ask("course/tweets:sentiment:train", HF_HOME=str(tmp_path / "file"))
    assert answer["field"] == "cache"
    assert f"cache {tmp_path / 'file'} can't be used" in answer["message"]
    assert "HF_HOME" in answer["remedy"]


@pytest.mark.parametrize("name", ["course/private", "course/gated"])
def test_a_private_dataset_needs_a_token_and_opens_with_it(ask: Ask, name: str) -> None:
    answer = ask(f"{name}:sentiment:train")
    assert answer["field"] == "dataset"
    assert "private or gated" in answer["message"]
    assert "HF_TOKEN" in answer["remedy"]
    assert ask(f"{name}:sentiment:train", HF_TOKEN="let-me-in")["rows"] == 2


def test_a_dataset_that_is_not_there_is_refused(ask: Ask) -> None:
    answer = ask("course/nothing")
    assert answer["field"] == "dataset"
    assert "doesn't exist" in answer["message"]


def test_a_config_is_asked_for_with_the_choice(ask: Ask) -> None:
    answer = ask("course/tweets")
    assert "'sentiment', 'irony'" in answer["message"]
    assert "first colon" in answer["remedy"]
    assert "no config 'nope'" in ask("course/tweets:nope")["message"]


def test_a_split_that_is_not_there_is_refused_with_the_choice(ask: Ask) -> None:
    answer = ask("course/tweets:sentiment:nope")
    assert answer["field"] == "dataset"
    assert "no split 'nope'; it has train, test" in answer["message"]


def test_a_column_that_is_not_there_is_refused_with_the_choice(ask: Ask) -> None:
    answer = ask("course/tweets:sentiment:train", "nope")
    assert answer["field"] == "text_column"
    assert "the columns are text, label" in answer["message"]


def test_a_model_comes_from_the_hub_then_from_its_cache(hub: LocalHub, ask: Ask) -> None:
    first = ask("course/small", what="model")
    assert first["origin"] == "hub"
    assert not [request for request in hub.requests if "onnx/" in request or ".bin" in request]
    asked = len(hub.requests)
    second = ask("course/small", what="model", HF_HUB_OFFLINE="1")
    assert second == {"path": first["path"], "origin": "cache"}
    assert ask("course/small", what="model") == second
    assert not [request for request in hub.requests[asked:] if "/resolve/" in request]


def test_weights_of_the_older_kind_are_fetched_for_a_module_that_has_no_others(ask: Ask) -> None:
    assert ask("course/parts", what="model")["origin"] == "hub"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("course/private", "private or gated"),
        ("course/nothing", "doesn't exist"),
        ("course/empty", "no weights"),
    ],
)
def test_a_model_that_cannot_be_had_is_refused(ask: Ask, name: str, said: str) -> None:
    answer = ask(name, what="model")
    assert answer["field"] == "model"
    assert said in answer["message"]


def test_a_model_that_is_not_cached_is_refused_without_the_hub(ask: Ask) -> None:
    answer = ask("course/small", what="model", HF_ENDPOINT="http://127.0.0.1:9")
    assert answer["field"] == "model"
    assert "hub can't be reached" in answer["message"]


def test_csv_of_the_hub_is_read_as_that_of_a_directory(ask: Ask) -> None:
    rows = {"text": ["NA", "", "b"], "code": ["007", "1", None], "score": [1, None, None]}
    for settings in ({}, {"HF_HUB_OFFLINE": "1"}):
        answer = ask("course/plain", what="table", **settings)
        assert answer["table"] == rows
        assert answer["notes"][0].startswith("Column 'code' is in 1 of 2 files, such as data/train")
        assert answer["code"].startswith('"course/plain", split="train", keep_default_na=False')


def test_our_cache_that_cannot_be_written_is_not_called_a_fault_of_the_hub(
    ask: Ask, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    answer = ask("course/plain", DEMO_CACHE=str(tmp_path / "file"))
    assert answer["field"] == "cache"
    assert answer["message"].startswith(f"The cache {tmp_path / 'file'} can't be written: ")


def test_what_a_readme_declares_of_csv_is_followed(ask: Ask, tmp_path: Path) -> None:
    for settings in ({}, {"HF_HUB_OFFLINE": "1"}):
        answer = ask("course/declared", what="table", **settings)
        assert answer["table"] == {"text": ["NA", ""], "code": ["7", "1"], "score": [1, None]}
        assert ask("course/headless", **settings)["texts"] == ["a", "b"]
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "README.md").write_bytes(HEADLESS)
    (directory / "0.csv").write_bytes(b"a,1\nb,2\n")
    assert ask(str(directory))["texts"] == ["a", "b"]


def test_a_changed_dataset_of_the_hub_is_read_again(ask: Ask, hub: LocalHub) -> None:
    assert ask("course/plain")["texts"] == ["NA", "", "b"]
    hub.datasets["course/plain"].files["data/train-1.csv"] = b"text\nc\n"
    assert ask("course/plain")["texts"] == ["NA", "", "c"]
    assert ask("course/plain", HF_HUB_OFFLINE="1")["texts"] == ["NA", "", "c"]
