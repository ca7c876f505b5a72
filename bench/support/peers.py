"""Libraries to compare with, in an environment of their own that also sees the product's."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".cache" / "bench-venv"
PYTHON = PLACE / "bin" / "python"
INSTALL_S = 600


def install() -> str | None:
    """Make the environment, once; return what kept us from it, in a line."""
    wanted = extra()
    stamp = PLACE / "installed.txt"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == "\n".join(wanted):
        return None
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PLACE)], check=True)
    # What the product has is seen, and so not installed twice; pip writes only here.
    (site,) = PLACE.glob("lib/python*/site-packages")
    (site / "product.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = [str(PYTHON), "-m", "pip", "--no-input", "--disable-pip-version-check", "install", "-q"]
    failed = []
    for requirement in wanted:
        try:
            ran = subprocess.run(
                [*pip, requirement],
                capture_output=True,
                text=True,
                timeout=INSTALL_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            failed.append(requirement)
        else:
            if ran.returncode:
                failed.append(requirement)
    if failed:
        return f"Could not be installed: {', '.join(failed)}."
    stamp.write_text("\n".join(wanted), encoding="utf-8")
    return None


def extra() -> list[str]:
    """Return what the extra `bench` of pyproject.toml asks for."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    return list(project["optional-dependencies"]["bench"])


def version(package: str) -> str | None:
    """Return a package's version in the environment, None where it isn't there."""
    for site in [*PLACE.glob("lib/python*/site-packages"), Path(sysconfig.get_path("purelib"))]:
        for found in importlib.metadata.distributions(name=package, path=[str(site)]):
            return found.version
    return None


def java() -> str | None:
    """Return the first line of `java -version`, None where there is no Java."""
    home = os.environ.get("JAVA_HOME")
    command = str(Path(home, "bin", "java")) if home else "java"
    try:
        ran = subprocess.run([command, "-version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return ran.stderr.partition("\n")[0] if ran.returncode == 0 else None
