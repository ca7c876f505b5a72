"""Where the model runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from demo_server.embedding import device


def test_the_predicted_device_is_the_one_that_torch_reports() -> None:
    import torch

    usable = [
        name
        for name, there in (
            ("cuda", torch.cuda.is_available()),
            ("mps", torch.backends.mps.is_available()),
        )
        if there
    ]
    assert device.likely_device() == [*usable, "cpu"][0]


@pytest.mark.parametrize(
    ("cpuinfo", "has"),
    [
        ("processor : 0\nflags\t\t: fpu avx512f avx512_bf16\n", True),
        ("flags : fpu amx_bf16 amx_tile\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("model name : bf16\nflags : fpu avx2\n", False),
    ],
)
def test_bf16_is_read_from_the_processors_flags(tmp_path: Path, cpuinfo: str, has: bool) -> None:
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert device.cpu_has_bf16(tmp_path / "cpuinfo") is has
    assert not device.cpu_has_bf16(tmp_path / "none")


def test_predicting_the_device_does_not_import_torch() -> None:
    code = (
        "import sys; from demo_server.embedding import device; device.likely_device(); "
        "print('torch' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("gpu", "build", "system", "machine", "expected"),
    [
        (True, True, "linux", "x86_64", "cuda"),
        (True, False, "linux", "x86_64", "cpu"),
        (False, True, "linux", "x86_64", "cpu"),
        (False, False, "darwin", "arm64", "mps"),
        (False, False, "darwin", "x86_64", "cpu"),
    ],
)
def test_cuda_is_chosen_before_mps_and_mps_before_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
    gpu: bool,
    build: bool,
    system: str,
    machine: str,
    expected: str,
) -> None:
    monkeypatch.setattr(device, "has_nvidia_gpu", lambda: gpu)
    monkeypatch.setattr(device, "torch_was_built_for", lambda backend: build)
    monkeypatch.setattr(device.sys, "platform", system)
    monkeypatch.setattr(device.platform, "machine", lambda: machine)
    assert device.likely_device() == expected


def test_a_gpu_that_is_hidden_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tmp_path / "version"
    loaded.write_text("NVRM")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert device.has_nvidia_gpu(loaded)
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert not device.has_nvidia_gpu(loaded)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert device.has_nvidia_gpu(loaded)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("cuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", True),
        ("cuda: Optional[str] = None\n", False),
        ("cuda = '12.8'\n", True),
        ("__version__ = '2.13.0'\n", False),
    ],
)
def test_the_build_of_torch_is_read_from_its_version_file(
    tmp_path: Path, content: str, expected: bool
) -> None:
    file = tmp_path / "version.py"
    file.write_text(content)
    assert device.torch_was_built_for("cuda", file) is expected
    assert not device.torch_was_built_for("cuda", tmp_path / "missing.py")
