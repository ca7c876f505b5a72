"""What a check before the talk found."""

from __future__ import annotations

from pydantic import BaseModel


class Finding(BaseModel):
    """What one look found; `remedy` says what to do where it is not `ok`."""

    name: str
    ok: bool
    says: str
    remedy: str | None = None


class Findings(BaseModel):
    findings: list[Finding]
