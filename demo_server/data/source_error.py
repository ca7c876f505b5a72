"""What went wrong while a dataset was read, in a sentence with its remedy."""

from __future__ import annotations

import lzma
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import datasets.config
import httpx2
import pyarrow as pa
import yaml
from datasets.exceptions import (
    DataFilesNotFoundError,
    DatasetGenerationError,
    DatasetNotFoundError,
    SplitsVerificationError,
)
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from demo_server.protocol.errors import InputError


class SourceError(InputError):
    """The dataset can't be used; `field` is `dataset`, `text_column` or `cache`."""


@contextmanager
def as_source_error(place: str) -> Iterator[None]:
    """Raise what the libraries raise while `place` is read as a SourceError."""
    try:
        yield
    except SourceError:
        raise
    except (
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        ValueError,
        RuntimeError,
        httpx2.HTTPError,
        pa.ArrowException,
        DatasetGenerationError,
        SplitsVerificationError,
        yaml.YAMLError,
    ) as error:
        raise source_error(place, error) from error


def source_error(place: str, error: BaseException) -> SourceError:
    """The sentence for `error`, chosen by what is at its root."""
    chain = causes(error)
    words = " ".join(str(link) for link in chain)
    status = next(
        (link.response.status_code for link in chain if isinstance(link, HfHubHTTPError)), None
    )
    if status in (401, 403) or isinstance(error, DatasetNotFoundError):
        if status in (401, 403) or re.search(r"gated|private|access", words):
            return SourceError(
                "dataset",
                f"The hub has no dataset {place!r} that may be read without permission: it is "
                "private or gated, or doesn't exist.",
                "Check the name; for a private or gated one run `hf auth login` or set HF_TOKEN.",
            )
        return SourceError(
            "dataset", f"There is no dataset {place!r}.", "Check the name given to --dataset."
        )
    if is_unreachable(chain, words):
        return SourceError(
            "dataset",
            f"{place!r} is not in the cache, and the hub can't be reached.",
            "Connect once to download it, unset HF_HUB_OFFLINE if it is set, or leave --dataset "
            "out for the bundled data.",
        )
    if ("BuilderConfig" in words and "not found" in words) or "Config name is missing" in words:
        asked = re.search(r"BuilderConfig ('.*?') not found", words)
        lack = f"has no config {asked[1]}" if asked else "needs the name of one of its configs"
        found = re.search(r"(?:Available|available configs): \[(.*?)\]", words)
        listing = f"; it has {found[1]}" if found else ""
        return SourceError(
            "dataset",
            f"{place} {lack}{listing}.",
            "Write it behind the first colon of --dataset, as in user/name:config:split.",
        )
    if isinstance(error, DataFilesNotFoundError) or re.search(
        "No \\(supported\\) data files|doesn't contain any data files|Couldn't resolve pattern",
        words,
    ):
        return SourceError(
            "dataset",
            f"{place} holds no data files that `datasets` knows.",
            "Give a directory with Parquet, CSV, JSON Lines or text files, or one such file.",
        )
    if any(isinstance(link, yaml.YAMLError) for link in chain):
        return SourceError(
            "dataset",
            f"The README.md of {place} begins with lines that are not YAML: {root_sentence(chain)}",
            "Correct the lines between its first two ---.",
        )
    if "corresponds to no data" in words:
        return no_rows(place)
    if "save_to_disk" in words:
        return SourceError(
            "dataset",
            f"{place} was written by `save_to_disk`, which only `load_from_disk` reads.",
            "Write it with `to_parquet` and give that file.",
        )
    if (denied := denied_in_cache(chain)) is not None:
        return denied
    return SourceError(
        "dataset", f"{place} can't be read: {root_sentence(chain)}", remedy(chain, words)
    )


def denied_in_cache(chain: list[BaseException]) -> SourceError | None:
    """Return what is wrong with Hugging Face's cache, None where it isn't the reason."""
    homes = [Path(datasets.config.HF_CACHE_HOME).expanduser()]
    homes += [Path(datasets.config.HF_DATASETS_CACHE), Path(constants.HF_HUB_CACHE)]
    for link in chain:
        if isinstance(link, OSError) and isinstance(link.filename, str):
            file = Path(link.filename)
            for home in homes:
                if file.is_relative_to(home) or home.is_relative_to(file):
                    return SourceError(
                        "cache",
                        f"Hugging Face's cache {home} can't be used: {link.strerror}.",
                        "Set HF_HOME to a directory that can be written, or make room in this one.",
                    )
    return None


def no_rows(place: str) -> SourceError:
    return SourceError(
        "dataset", f"{place} has no rows.", "Choose another split or file with --dataset."
    )


def causes(error: BaseException) -> list[BaseException]:
    """`error` and what caused it, the outermost first."""
    chain = [error]
    while (cause := cause_of(chain[-1])) is not None and cause not in chain:
        chain.append(cause)
    return chain


def cause_of(error: BaseException) -> BaseException | None:
    """Return the cause that was named, else what was being handled unless that was hidden."""
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


def is_unreachable(chain: list[BaseException], words: str) -> bool:
    kinds = (OfflineModeIsEnabled, ConnectionError, httpx2.TransportError)
    uncached = re.search("Couldn't reach|Couldn't find cache for", words) is not None
    return uncached or any(isinstance(link, kinds) for link in chain)


def root_sentence(chain: list[BaseException]) -> str:
    """The innermost message of several words, in one line that ends with a full stop.

    Files in it are named without the directories that they are in.
    """
    messages = [" ".join(str(link).split()) for link in chain if str(link).strip()]
    telling = [message for message in messages if " " in message] or messages
    sentence = telling[-1] if telling else type(chain[-1]).__name__
    sentence = re.sub(r"(?<![\w:/])/(?:[^\s/'\"]+/)+", "", sentence)
    return sentence[:300].rstrip(".") + "."


def remedy(chain: list[BaseException], words: str) -> str:
    if any(isinstance(link, UnicodeDecodeError) for link in chain):
        return "Save it as UTF-8, or choose another file with --dataset."
    if re.search(r"changed from|cannot mix|Couldn't cast|must have the same columns", words):
        return "Give each column one type in all rows, or choose another file with --dataset."
    return "Choose another file, split or dataset with --dataset."
