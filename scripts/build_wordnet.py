"""Build `data/wordnet/` from the WordNet database files of Debian's package `wordnet-base`.

    python scripts/build_wordnet.py --source /usr/share/wordnet [--out data/wordnet]

Nothing is downloaded. One row is one synset. What doesn't belong on a projector is left out:
synsets whose gloss carries a usage label such as "(ethnic slur)", and those that a person
read and listed in `wordnet_removed.txt`. The same input gives the same rows in the same order.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
REMOVED_LIST = HERE / "wordnet_removed.txt"
SHARDS = 4
MINIMUM_ROWS = 110_000

# The database files in the order of their rows, with the letter that ends their synsets' ids.
FILES = (("data.noun", "n"), ("data.verb", "v"), ("data.adj", "a"), ("data.adv", "r"))

# Lexicographer files by number (lexnames(5WN)).
# fmt: off
CATEGORIES = [
    "adj.all", "adj.pert", "adv.all", "noun.Tops", "noun.act", "noun.animal", "noun.artifact",
    "noun.attribute", "noun.body", "noun.cognition", "noun.communication", "noun.event",
    "noun.feeling", "noun.food", "noun.group", "noun.location", "noun.motive", "noun.object",
    "noun.person", "noun.phenomenon", "noun.plant", "noun.possession", "noun.process",
    "noun.quantity", "noun.relation", "noun.shape", "noun.state", "noun.substance", "noun.time",
    "verb.body", "verb.change", "verb.cognition", "verb.communication", "verb.competition",
    "verb.consumption", "verb.contact", "verb.creation", "verb.emotion", "verb.motion",
    "verb.perception", "verb.possession", "verb.social", "verb.stative", "verb.weather", "adj.ppl",
]
# fmt: on

# A usage label: "(ethnic slur) offensive term for …", "obscene words for …", "vulgar slang".
LABEL = re.compile(
    r"\([^)]*\b(slurs?|offensive|obscen\w*|disparag\w*|vulgar|derogat\w*|taboo|pejorative\w*"
    r"|insulting|racist|sexist|abusive|profanity|expletive)\b[^)]*\)"
    r"|\b(offensive(ly)?|obscene|disparaging(ly)?|vulgar|derogatory|pejorative(ly)?|abusive"
    r"|insulting|contemptuous|opprobrious|unflattering|depreciative|coarse|crude|dirty|rude)"
    r"( or \w+| and \w+|,? \w+)?,? "
    r"(terms?|slang|names?|words?|expressions?|references?|epithets?)\b"
    r"|\bterms? of (abuse|contempt|disparagement|opprobrium)\b"
    r"|\b(used|considered|regarded) (as )?(obscene|offensive|disparaging|derogatory|pejorative)"
    r"|\b(racial|ethnic) slurs?\b|\bdirty words?\b|\bused disparagingly\b",
    re.IGNORECASE,
)

SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "word", "words", "text", "category")])


@dataclass(frozen=True)
class Synset:
    """One row. `id` is the byte offset in its database file, a dash and the part of speech."""

    id: str
    word: str
    words: str
    text: str
    category: str


def read_synsets(source: Path) -> Iterator[Synset]:
    """Every synset under `source`; a missing or broken database file raises SystemExit."""
    for name, letter in FILES:
        path = source / name
        if not path.is_file():
            raise SystemExit(
                f"{path} is missing. Install Debian's package wordnet-base, "
                "or pass --source with the directory that holds data.noun."
            )
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.startswith("  "):  # the licence, at the top of each file
                    continue
                try:
                    yield parse_synset(line, letter)
                except (IndexError, ValueError) as error:
                    raise SystemExit(
                        f"{path}, line {number}: not a synset of WordNet 3.0 ({error}). "
                        "Reinstall wordnet-base."
                    ) from error


def parse_synset(line: str, letter: str) -> Synset:
    """`00001740 03 n 01 entity 0 … | gloss` (wndb(5WN)); IndexError or ValueError when it isn't."""
    data, gloss = line.split("|", 1)
    fields = data.split()
    count = int(fields[3], 16)
    lemmas = [lemma(field) for field in fields[4 : 4 + 2 * count : 2]]
    return Synset(
        id=f"{fields[0]}-{letter}",
        word=lemmas[0],
        words=", ".join(lemmas),
        text=gloss.strip(),
        category=CATEGORIES[int(fields[1])],
    )


def lemma(field: str) -> str:
    """The written form: no underscores, and no position marker such as `galore(ip)`."""
    return re.sub(r"\((a|p|ip)\)$", "", field).replace("_", " ")


def read_removed(path: Path = REMOVED_LIST) -> dict[str, str]:
    """Synset id -> why it was left out, from the reviewed list."""
    removed: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        entry = line.split("#", 1)[0].split()
        if not entry:
            continue
        if len(entry) != 2 or not re.fullmatch(r"\d{8}-[nvar]", entry[0]) or entry[0] in removed:
            raise SystemExit(f"{path}, line {number}: expected one new synset id and one reason.")
        removed[entry[0]] = entry[1]
    return removed


def reason_to_remove(synset: Synset, removed: dict[str, str]) -> str | None:
    """Why this synset stays off the projector, or None when it may be shown."""
    if synset.id in removed:
        return removed[synset.id]
    return "label" if LABEL.search(synset.text) else None


def write_shards(synsets: list[Synset], out: Path) -> None:
    """`SHARDS` Parquet files of nearly equal row counts, in order, replacing earlier ones."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("train-*.parquet"):
        old.unlink()
    bounds = [len(synsets) * part // SHARDS for part in range(SHARDS + 1)]
    for part in range(SHARDS):
        rows = [vars(synset) for synset in synsets[bounds[part] : bounds[part + 1]]]
        pq.write_table(
            pa.Table.from_pylist(rows, schema=SCHEMA),
            out / f"train-{part:05d}-of-{SHARDS:05d}.parquet",
            compression="zstd",
            compression_level=19,
            row_group_size=10_000,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, help="the directory of data.noun")
    parser.add_argument("--out", type=Path, default=HERE.parent / "data" / "wordnet")
    arguments = parser.parse_args()

    listed = read_removed()
    synsets = list(read_synsets(arguments.source))
    unknown = listed.keys() - {synset.id for synset in synsets}
    if unknown:
        raise SystemExit(f"{REMOVED_LIST} names synsets that don't exist: {sorted(unknown)[:5]}")
    kept = [synset for synset in synsets if reason_to_remove(synset, listed) is None]
    if len(kept) < MINIMUM_ROWS:
        raise SystemExit(f"only {len(kept)} of {len(synsets)} rows stay; is the source whole?")
    write_shards(kept, arguments.out)

    reasons = Counter(reason_to_remove(synset, listed) for synset in synsets)
    print(f"{len(kept)} of {len(synsets)} synsets written to {arguments.out}")
    for reason, count in reasons.most_common():
        if reason is not None:
            print(f"  {count:5d} removed: {reason}", file=sys.stderr)


if __name__ == "__main__":
    main()
