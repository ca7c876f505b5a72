"""The control groups that this process is in: where Linux says what a container may use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ControlGroups:
    """Where they are mounted, and the file that names ours; tests have their own."""

    root: Path = Path("/sys/fs/cgroup")
    membership: Path = Path("/proc/self/cgroup")

    def read(self, controller: str, version_1: str, version_2: str) -> Iterator[tuple[Path, str]]:
        """Yield a setting of each group from ours up to the root, with the group's directory.

        Args:
            controller: that the setting belongs to, as version 1 calls it.
            version_1: name of its file there.
            version_2: name of its file in version 2.
        """
        for directory, version in self._directories(controller):
            file = directory / (version_2 if version == 2 else version_1)
            try:
                yield directory, file.read_text(encoding="utf-8").strip()
            except OSError:  # the root has no limits, and some groups not each controller
                continue

    def _directories(self, controller: str) -> Iterator[tuple[Path, int]]:
        try:
            lines = self.membership.read_text(encoding="utf-8").splitlines()
        except OSError:  # not Linux
            return
        for line in lines:
            _, controllers, path = line.split(":", 2)
            if controllers == "":
                base, version = self.root, 2
            elif controller in controllers.split(","):
                base, version = self.root / controller, 1
            else:
                continue
            # Inside a container the path may name a place that only the host sees.
            group = base / path.lstrip("/")
            for directory in (group, *group.parents):
                if directory.is_relative_to(base):
                    yield directory, version


CGROUPS = ControlGroups()
