"""How many CPUs this process may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from demo_server.system import cpus
from demo_server.system.cgroups import ControlGroups


def cgroup(root: Path, path: str, name: str, content: str) -> None:
    directory = root / path
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(content)


def test_the_tightest_quota_on_the_way_to_the_root_counts(tmp_path: Path) -> None:
    root, membership = tmp_path / "cgroup", tmp_path / "membership"
    membership.write_text("0::/pod/container\n")
    cgroup(root, "pod/container", "cpu.max", "400000 100000\n")
    assert cpus.cgroup_quota(ControlGroups(root, membership)) == 4
    cgroup(root, "pod", "cpu.max", "150000 100000\n")
    assert cpus.cgroup_quota(ControlGroups(root, membership)) == 1.5
    cgroup(root, "pod/container", "cpu.max", "max 100000\n")
    cgroup(root, "pod", "cpu.max", "max 100000\n")
    assert cpus.cgroup_quota(ControlGroups(root, membership)) is None


def test_version_1_of_cgroups_is_read_as_well(tmp_path: Path) -> None:
    root, membership = tmp_path / "cgroup", tmp_path / "membership"
    membership.write_text("12:memory:/x\n4:cpu,cpuacct:/docker/abc\n")
    cgroup(root, "cpu/docker/abc", "cpu.cfs_quota_us", "250000\n")
    cgroup(root, "cpu/docker/abc", "cpu.cfs_period_us", "100000\n")
    assert cpus.cgroup_quota(ControlGroups(root, membership)) == 2.5
    cgroup(root, "cpu/docker/abc", "cpu.cfs_quota_us", "-1\n")
    assert cpus.cgroup_quota(ControlGroups(root, membership)) is None


def test_without_cgroups_there_is_no_quota(tmp_path: Path) -> None:
    assert cpus.cgroup_quota(ControlGroups(tmp_path, tmp_path / "missing")) is None


@pytest.mark.parametrize(("quota", "expected"), [(None, 8), (2.9, 2), (0.5, 1), (64.0, 8)])
def test_the_cpus_are_the_affinitys_cut_by_the_quota(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(cpus, "cgroup_quota", lambda: quota)
    assert cpus.usable_cpus() == expected
