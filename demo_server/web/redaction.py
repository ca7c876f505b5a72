"""What the audience may read of a message: file names, without where they lie on this machine."""

from __future__ import annotations

import re

# In quotes a path may have spaces; without, it ends at the first.
_QUOTED = re.compile(r"""(['"])~?/(?:[^'"/]*/)*([^'"/]*)\1""")
_PLAIN = re.compile(r"""(?<![^\s'"(=\[])~?/(?:[^\s/'"]+/)*([^\s/'"]+)/?""")


def without_directories(message: str) -> str:
    """Return `message` with `…/name` in place of each path from the root or from the home."""
    return _PLAIN.sub(r"…/\1", _QUOTED.sub(r"\1…/\2\1", message))
