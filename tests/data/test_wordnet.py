"""The bundled dataset: what it is, what must not be in it, and that it can be built again."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
DATASET = ROOT / "data" / "wordnet"
SCRIPT = ROOT / "scripts" / "build_wordnet.py"

# Synsets that were read and must never come back, one or two for each reason, by id alone.
# fmt: off
KNOWN_BAD = [
    "09638009-n", "09682122-n", "09698337-n", "09637684-n", "09643799-n", "09716439-n",
    "09720406-n", "10076033-n", "05521514-n", "05526713-n", "05538215-n", "00846021-n",
    "00845523-n", "06611376-n", "14854581-n", "13555775-n", "09637837-n", "09883947-n",
    "09815188-n", "10717196-n", "00773402-n", "00738270-n", "00747519-n", "00855407-n",
    "09727747-n", "09708648-n", "10761693-n", "01323536-v", "01483265-v", "00033203-v",
    "00060063-v", "00857275-n",
]
# fmt: on

# What no text or word may say. Slurs and swear words are kept as hashes of their lower case,
# so that this file can be shown as well.
SUBJECTS = re.compile(
    r"\b(sexual intercourse|copulat\w+|genital\w*|penis|vagina\w*|orgasm\w*|masturbat\w+|incest\w*"
    r"|pornograph\w*|prostitut\w+|rapist|raped|feces|urinat\w+|torture[dr]?|suicide|genocide"
    r"|ethnic slur|obscene (term|word)s?|(offensive|disparaging|derogatory) (term|name)s?)\b",
    re.IGNORECASE,
)
HASHED_WORDS = """
08a841e996781e9e 095080134d6cf49a 0be9b885f4a35a18 110c6c5a86fa0de5 118418653f4d41e9
120f6e5b4ea32f65 1b83044895756d26 1c4bfd100aa92982 2f5f6ce5ae30b54a 30a989afc82c0a21
31506a8448a761a4 3b1e0d7c5dd45583 43508b5c03b8b8ce 566f532d486c9477 5b3ae48be122f7ed
6122fdf4ae1474fb 619bc82e0d200e4a 63bd9333b1a0b11d 6ac3c336e4094835 6b95d47887bf5070
6d1833779e389477 7bc671151cbfaee7 7c4a5c242b72a23d 85fc17f7069acd39 886d51e97ad7931d
8f5083e3e5c7dc89 958ce5c321d25499 986c99004163a6c5 98b52c4b6b7d1f48 9ae315a94e428a7e
9d57436661e1dce7 a7bf072c97a0779f ad412adb493df95a ad6cacf3af98d07b b81d6dc25832a854
b9ef608311626a10 bb61ef40814ce34c bb87adf8aa783887 bd331fb1d24298f5 bdb1cc258d6976aa
be00f1af522eaa99 c1b4ed05397df5ee c2c3b68b48832afd c3de533e9b7fe63b cc02032349c833ac
ce20df7259154252 d75a838dc758ba17 da88439262778df6 dd92623b0a4b255f e30c2ea7a76f83b7
e512a05583448f44 eef3bd091670c344 f50c51ed2315dcf3 fb96c27642b4bd11 fca0183d3eb4334b
"""


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in sorted(DATASET.glob("train-*.parquet")))


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_wordnet", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_at_least_110_000_rows_stay_each_with_an_id_of_its_own(table: pa.Table) -> None:
    ids = table.column("id").to_pylist()
    assert len(ids) >= 110_000
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"\d{8}-[nvar]", id_) for id_ in ids)


def test_every_row_has_a_word_a_text_and_one_of_45_categories(table: pa.Table) -> None:
    assert table.column_names == ["id", "word", "words", "text", "category"]
    for name in table.column_names:
        assert all(value and value == value.strip() for value in table.column(name).to_pylist())
    assert len(set(table.column("category").to_pylist())) == 45


def test_a_sample_of_known_bad_synsets_is_gone(table: pa.Table) -> None:
    assert set(KNOWN_BAD).isdisjoint(table.column("id").to_pylist())


def test_the_bad_synsets_that_the_tests_name_exist_in_wordnet_3(builder: ModuleType) -> None:
    source = Path("/usr/share/wordnet")
    listed = set(builder.read_removed())
    assert len(set(KNOWN_BAD) & listed) >= 10
    if (source / "data.noun").exists():
        assert set(KNOWN_BAD) <= {synset.id for synset in builder.read_synsets(source)}


def test_no_row_speaks_of_what_was_left_out(table: pa.Table) -> None:
    rows = zip(table.column("words").to_pylist(), table.column("text").to_pylist(), strict=True)
    assert [row for row in rows if SUBJECTS.search(" | ".join(row))] == []


def test_no_row_contains_a_slur_or_a_swear_word(table: pa.Table) -> None:
    hashes = set(HASHED_WORDS.split())
    words: set[str] = set()
    for column in ("words", "text"):
        for value in table.column(column).to_pylist():
            words.update(re.findall(r"[a-z]+", value.lower()))
    assert len(hashes) >= 30
    assert hashes.isdisjoint(hashlib.sha256(word.encode()).hexdigest()[:16] for word in words)


def test_a_usage_label_in_the_gloss_removes_a_synset(builder: ModuleType) -> None:
    def reason(text: str) -> str | None:
        synset = builder.Synset("00000001-n", "word", "word", text, "noun.person")
        result: str | None = builder.reason_to_remove(synset, {"00000002-n": "slur"})
        return result

    assert reason("(ethnic slur) a name for a person") == "label"
    assert reason("offensive and derogatory name for a person") == "label"
    assert reason("obscene words for something") == "label"
    assert reason("(music) a slur over two notes of the same pitch") is None
    assert reason("the team on offense; an offensive move in a game") is None


def test_the_script_builds_the_dataset_from_database_files(tmp_path: Path) -> None:
    """A database of two nouns is too small to be whole, and said so; nothing is written."""
    source = tmp_path / "wordnet"
    source.mkdir()
    licence = "  1 This software and database is being provided to you\n"
    noun = "00001740 03 n 02 entity 0 physical_entity 0 000 | that which is  \n"
    adjective = "00001740 00 a 01 galore(ip) 0 000 | existing in abundance  \n"
    for name, lines in (
        ("data.noun", licence + noun),
        ("data.verb", licence),
        ("data.adj", licence + adjective),
        ("data.adv", licence),
    ):
        (source / name).write_text(lines, encoding="utf-8")
    out = tmp_path / "out"
    command = [sys.executable, str(SCRIPT), "--source", str(source), "--out", str(out)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "don't exist" in result.stderr
    assert not out.exists()


def test_a_line_of_the_database_becomes_a_row(builder: ModuleType) -> None:
    line = "00014490 00 s 02 abounding 0 galore(ip) 0 001 & 00013887 a 0000 | in abundance  \n"
    synset = builder.parse_synset(line, "a")
    assert synset.id == "00014490-a"
    assert synset.words == "abounding, galore"
    assert synset.text == "in abundance"
    assert synset.category == "adj.all"


def test_a_missing_database_names_the_package_to_install(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--source", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "wordnet-base" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_card_and_the_licence_lie_next_to_the_data(table: pa.Table) -> None:
    card = (DATASET / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")
    assert f"{len(table):,} of 117,659 rows stay" in card
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in (DATASET / "LICENSE").read_text(
        encoding="utf-8"
    )
