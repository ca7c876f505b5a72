"""Ray's private modules: named by few files of ours, each of which a test holds to Ray's state."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo_server.system.checkout import ROOT
from tests.ray_internals.private_names import private, private_names

ROOM = ROOT / "demo_server" / "ray_internals"
OBSERVER = ROOT / "demo_server" / "driver" / "observe"
MODULES = [path for path in ROOM.glob("*.py") if path.stem != "__init__"]
USES = [
    pytest.param(path, name, id=f"{path.stem}: {name}")
    for path in (*MODULES, *OBSERVER.glob("*.py"))
    for name in sorted(private_names(path))
]


def test_no_module_outside_these_two_folders_names_one_not_even_as_a_string() -> None:
    others = [
        path
        for folder in ("demo_server", "scripts", "bench")
        for path in (ROOT / folder).rglob("*.py")
        if not path.is_relative_to(ROOM) and not path.is_relative_to(OBSERVER)
    ]
    assert others
    found = {str(path.relative_to(ROOT)): private_names(path) for path in others}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_name_is_found_however_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "import ray._private.node\n"
        "from ray.data._internal import stats\n"
        "import_module('ray._raylet')\n"
        "ray._private.worker.global_worker\n"
        "from ray.data import Dataset\n"
    )
    assert private_names(path) >= {
        "ray._private.node",
        "ray.data._internal.stats",
        "ray._raylet",
        "ray._private.worker.global_worker",
    }
    assert "ray.data.Dataset" not in private_names(path)


@pytest.mark.parametrize(("path", "name"), USES)
def test_ray_has_what_is_named(path: Path, name: str) -> None:
    private(name, str(path.relative_to(ROOT)))


def test_each_module_that_uses_them_has_a_test_of_its_own() -> None:
    tests = {path.stem for path in Path(__file__).parent.glob("test_*.py")}
    assert {f"test_{path.stem}" for path in MODULES} <= tests
