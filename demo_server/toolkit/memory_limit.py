"""A real limit on the memory of this process alone, for as long as a block of code runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


def can_limit(device: str) -> bool:
    """Whether a limit can be relied on: Linux counts a process's memory, CUDA and MPS theirs."""
    return device in ("cuda", "mps") or sys.platform == "linux"


@contextmanager
def limited(extra_bytes: int, device: str) -> Iterator[None]:
    """Let this process allocate `extra_bytes` more on `device`, then fail with its own error.

    Other processes and what the machine has free play no part in it.
    """
    if device == "cuda":
        with limited_cuda(extra_bytes):
            yield
    elif device == "mps":
        with limited_mps(extra_bytes):
            yield
    else:
        with limited_address_space(extra_bytes):
            yield


@contextmanager
def limited_address_space(extra_bytes: int) -> Iterator[None]:
    import resource

    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = psutil.Process().memory_info().vms + extra_bytes
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:  # Ray needs memory to report the failure
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


@contextmanager
def limited_cuda(extra_bytes: int) -> Iterator[None]:
    import torch

    torch.cuda.empty_cache()
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(
        min(1.0, (torch.cuda.memory_reserved() + extra_bytes) / total)
    )
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


@contextmanager
def limited_mps(extra_bytes: int) -> Iterator[None]:
    import torch

    torch.mps.empty_cache()
    total = torch.mps.recommended_max_memory()
    torch.mps.set_per_process_memory_fraction(
        min(1.0, (torch.mps.driver_allocated_memory() + extra_bytes) / total)
    )
    try:
        yield
    finally:
        torch.mps.set_per_process_memory_fraction(1.0)
