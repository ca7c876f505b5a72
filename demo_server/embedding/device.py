"""Where the model runs: CUDA, then MPS, then CPU; found out without importing torch."""

from __future__ import annotations

import ast
import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Literal

Device = Literal["cuda", "mps", "cpu"]


def likely_device() -> Device:
    """Return the best device that torch can use, by the hardware and torch's build."""
    if has_nvidia_gpu() and torch_was_built_for("cuda"):
        return "cuda"
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "mps"
    return "cpu"


def has_nvidia_gpu(proc: Path = Path("/proc/driver/nvidia/version")) -> bool:
    """Whether a driver is loaded (under WSL: its tool is there) and a device is left visible."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1", "none", "NoDevFiles"):
        return False
    return proc.exists() or (Path("/dev/dxg").exists() and shutil.which("nvidia-smi") is not None)


def torch_was_built_for(backend: str, version_file: Path | None = None) -> bool:
    """Read torch's `version.py` instead of importing torch, which takes seconds."""
    if version_file is None:
        spec = importlib.util.find_spec("torch")
        if spec is None or spec.origin is None:
            return False
        version_file = Path(spec.origin).with_name("version.py")
    try:
        tree = ast.parse(version_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        else:
            continue
        if name == backend:
            return isinstance(node.value, ast.Constant) and node.value.value is not None
    return False


def cpu_has_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies in bfloat16: AVX-512 BF16 or AMX, or Arm's BF16."""
    try:
        text = cpuinfo.read_text(encoding="utf-8")
    except OSError:  # not Linux, where no engine of ours uses it
        return False
    flags = {
        flag
        for line in text.splitlines()
        if line.startswith(("flags", "Features"))
        for flag in line.partition(":")[2].split()
    }
    return bool(flags & {"avx512_bf16", "amx_bf16", "bf16"})
