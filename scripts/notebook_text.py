"""What the notebook has beside the code of the slides: its text, and the code around theirs."""

from __future__ import annotations

import importlib.metadata
import re

from demo_server.system.outline import Slide
from scripts.code_before import GIVEN
from scripts.shown_code import Values

PACKAGES = ("ray[data]", "datasets", "sentence-transformers", "torch")
FAST = "demo_server/embedding/fast.py"
LIMITED = "demo_server/experiments/out_of_memory.py"

# The imports, and what the slides take from where they run.
SETUP = f"""\
import os
from typing import Any

import pyarrow as pa
import ray
from datasets import load_dataset
from ray.data import ActorPoolStrategy

{GIVEN["", "column"]}
{GIVEN["", "model"]}
{GIVEN["embed", "threads"]}
{GIVEN["", "gpus"]}

# Rows come out in their order.
ray.data.DataContext.get_current().execution_options.preserve_order = True"""

ROWS = """\
The rows of the run. `flatten_indices()` makes one table of them: behind the indices of a \
selection Ray would get each row as a chunk of its own."""

# Else the failed pipeline's actor would keep its CPU, and the next one might get none.
CAUGHT = """\
import gc

try:
{code}
except ray.exceptions.RayError as error:
    print(error)
gc.collect()  # the actor goes when nothing refers to it, and the exception did"""

LADDER_WORDS = "Each step has a few of the rows, and its time includes that of the actor's start."

LADDER_SETUP = """\
import time

few = dataset.select(range(min({rows}, len(dataset)))).flatten_indices()
if "id" not in few.column_names:
    few = few.add_column("id", [str(number) for number in range(len(few))])


def measure(ds):
    started = time.perf_counter()
    ds.materialize()
    print(f"{{time.perf_counter() - started:.1f}} s for {{len(few)}} rows")"""

FAST_LADDER_WORDS = """\
The further steps choose what goes through the model together, with the engine of the fast class."""

# What follows the notes of a slide, by the file of its first region.
WORDS = {
    FAST: """\
Below is what it works with, on PyTorch; the talk has an engine of OpenVINO too. Where a cell \
names `TextEmbedder`, it may be `FastEmbedder`.""",
    LIMITED: """\
The first of the two is meant to fail. A limit like this holds on Linux, and on the memory of a \
GPU.""",
}


def words(values: Values) -> str:
    """Return what the notebook begins with."""
    packages = " ".join(f"'{name}=={version(name)}'" for name in PACKAGES)
    return f"""\
# Batch inference with Ray Data

The code of the talk, and what was said about it. {values.origin}

Install what it needs with `pip install {packages}`.

What `load_dataset` reads from a directory is looked for where Jupyter was started, `data/wordnet` \
in the repository of the talk. Or name another dataset there, such as one of the Hugging Face hub, \
and its column of texts below."""


def version(requirement: str) -> str:
    """Return the installed version of `name[extra]`, without what names a build."""
    return importlib.metadata.version(requirement.partition("[")[0]).partition("+")[0]


def sayings(slide: Slide) -> list[str]:
    """Return what is said on a slide, without what points at it: that stands in brackets."""
    said = re.findall(r"^Say: (.+)$", slide.notes, re.MULTILINE)
    said = [re.sub(r"\s*\[.+?\]\s*", " ", text).strip() for text in said]
    # A sentence begins with a capital, the name of a function does not.
    return [
        re.sub(r"^[a-z]+\b(?![_(])", lambda word: word[0].capitalize(), text)
        for text in said
        if text
    ]
