"""Processes: this one, which others are alive, and how to end a whole tree of them."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import psutil

log = logging.getLogger(__name__)

# create_time comes from a clock of 10 ms ticks and a boot time that may be corrected.
_START_TOLERANCE_S = 2.0


@cache
def this_process() -> tuple[int, float]:
    """Return this process's pid and start time (Unix time in seconds)."""
    return os.getpid(), psutil.Process().create_time()


def is_alive(pid: int, started_at: float) -> bool:
    """Return whether the process `pid` that started at `started_at` still lives."""
    return find(pid, started_at) is not None


def find(pid: int, started_at: float) -> psutil.Process | None:
    """Return the process `pid` if it is the one that started at `started_at`, and no zombie."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started_at) < _START_TOLERANCE_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all below it, itself first; empty when it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def kill_group(pid: int) -> None:
    """SIGKILL the process group that `pid` leads, if it still exists."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # PermissionError: what macOS raises for a group of which only zombies are left.
        return


def kill(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL each of `processes` that still lives; psutil refuses a pid that is used again."""
    for process in processes:
        try:
            process.kill()
        except psutil.Error:
            continue


def memory_bytes(processes: Iterable[psutil.Process]) -> int:
    """Sum the memory that would come back if these ended: pages no other process shares."""
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().uss
        except psutil.Error:
            continue
    return total


def session_members(leader: int, started_at: float) -> list[psutil.Process]:
    """Return the living processes of the session that `leader` began at `started_at`.

    The kernel does not give a pid away while a session carries it, so members are found also
    when the leader has died. A leader of another age means that all of ours are gone.
    """
    try:
        if abs(psutil.Process(leader).create_time() - started_at) > _START_TOLERANCE_S:
            return []
    except psutil.Error:
        pass  # the leader is gone, its session may live
    members = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) != leader:
                continue
            member = psutil.Process(pid)
            old_enough = member.create_time() >= started_at - _START_TOLERANCE_S
            if old_enough and member.status() != psutil.STATUS_ZOMBIE:
                members.append(member)
        except (OSError, psutil.Error):
            continue
    return members


def end_session(leader: int, started_at: float, within_s: float = 3.0) -> int:
    """SIGKILL a whole session, also what it starts meanwhile; return how many were ended."""
    ended: set[int] = set()
    deadline = time.monotonic() + within_s
    while members := session_members(leader, started_at):
        if time.monotonic() > deadline:
            break
        kill(members)
        ended.update(member.pid for member in members)
        # Not psutil.wait_procs: it would reap our own children behind asyncio's back.
        time.sleep(0.02)
    return len(ended)


def remove_tree(directory: Path) -> None:
    """Remove a directory of ours; what cannot be removed is named in the log."""
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("%s cannot be removed: %s", directory, error.strerror)
