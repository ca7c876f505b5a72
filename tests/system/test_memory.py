"""How much memory this process may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo_server.system.cgroups import ControlGroups
from demo_server.system.memory import available_bytes, memory_bytes

GB = 10**9


def group(directory: Path, **files: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name.replace("_dot_", ".")).write_text(content)


@pytest.fixture
def groups(tmp_path: Path) -> ControlGroups:
    return ControlGroups(tmp_path / "cgroup", tmp_path / "membership")


def test_the_tightest_limit_of_a_container_counts_less_what_it_uses(groups: ControlGroups) -> None:
    groups.membership.write_text("0::/pod/container\n")
    stat = f"anon {GB // 2}\ninactive_file {GB // 4}\n"
    group(groups.root / "pod", memory_dot_max=f"{GB}\n", memory_dot_current=f"{3 * GB // 4}\n")
    group(groups.root / "pod", memory_dot_stat=stat)
    group(groups.root / "pod/container", memory_dot_max="max\n")
    assert memory_bytes(groups) == GB
    assert available_bytes(groups) == GB // 2


def test_version_1_of_cgroups_is_read_as_well(groups: ControlGroups) -> None:
    groups.membership.write_text("4:memory:/docker/abc\n")
    place = groups.root / "memory/docker/abc"
    group(place, memory_dot_limit_in_bytes=f"{GB}\n", memory_dot_usage_in_bytes=f"{GB}\n")
    group(place, memory_dot_stat=f"inactive_file 0\ntotal_inactive_file {GB // 4}\n")
    assert memory_bytes(groups) == GB
    assert available_bytes(groups) == GB // 4


def test_without_a_limit_the_memory_is_the_machines(groups: ControlGroups) -> None:
    assert memory_bytes(groups) > GB
    assert 0 < available_bytes(groups) < memory_bytes(groups)
