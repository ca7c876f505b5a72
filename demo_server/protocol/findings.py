"""The findings of the preflight checks."""

from __future__ import annotations

from pydantic import BaseModel


class Finding(BaseModel):
    """What one check found, as a sentence; `remedy` is what to do where it is not `ok`."""

    name: str
    ok: bool
    message: str
    remedy: str | None = None


class Findings(BaseModel):
    findings: list[Finding]
