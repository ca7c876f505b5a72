"""`--text-column`: the column that is embedded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datasets import Features, Value

from demo_server.data.source_error import SourceError

# The column that a run adds.
ADDED = "embedding"
# What a column of texts is usually called, the likeliest first.
TEXT_NAMES = (
    "text",
    "sentence",
    "content",
    "review",
    "document",
    "passage",
    "body",
    "gloss",
    "description",
    "question",
    "title",
)


def choose_text_column(
    features: Features, asked: str | None, problems: Mapping[str, SourceError]
) -> str:
    """Return the column asked for, else the only one that holds text, else a usually named one.

    Raises:
        SourceError: there is none, it is among `problems`, which say why it can't be, or a run's
            result would have two columns of one name.
    """
    if ADDED in features:
        raise SourceError(
            "dataset",
            f"It has a column {ADDED!r}, the name of the one that a run adds.",
            "Rename that column in a copy of the dataset, or leave it out there.",
        )
    column = likely(features, asked, problems)
    if column in problems:
        raise problems[column]
    return column


def likely(features: Features, asked: str | None, problems: Mapping[str, SourceError]) -> str:
    texts = [name for name in features if is_text(features[name]) and name not in problems]
    if asked is not None:
        if asked in problems:
            return asked
        if asked not in features:
            raise SourceError(
                "text_column",
                f"There is no column {asked!r}; the columns are {', '.join(features)}.",
                "Name one of them with --text-column.",
            )
        if asked not in texts:
            raise SourceError(
                "text_column",
                f"Column {asked!r} holds {describe(features[asked])}, not text.",
                f"Columns of text: {', '.join(texts) or 'none'}. Name one with --text-column.",
            )
        return asked
    # Another column of text is not taken in silence for the one that was meant.
    meant = [name for name in problems if name.lower() in TEXT_NAMES]
    if not texts and problems:
        return next(iter(meant or problems))
    if not texts:
        types = ", ".join(f"{name} ({describe(one)})" for name, one in features.items())
        raise SourceError(
            "text_column",
            f"No column holds text; the columns are {types}.",
            "Choose another dataset with --dataset, or convert a column to strings.",
        )
    if len(texts + meant) == 1:
        return str(texts[0])
    for usual in TEXT_NAMES:
        named = [column for column in texts + meant if column.lower() == usual]
        if len(named) == 1:
            return str(named[0])
    raise SourceError(
        "text_column",
        f"Several columns hold text: {', '.join(texts)}.",
        "Say which one to embed with --text-column.",
    )


def is_text(feature: Any) -> bool:
    return isinstance(feature, Value) and feature.dtype in ("string", "large_string")


def describe(feature: Any) -> str:
    """`int64` for a plain column, `ClassLabel` and the like for another."""
    return str(feature.dtype) if isinstance(feature, Value) else type(feature).__name__
