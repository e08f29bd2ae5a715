"""Tracked findings, as the API writes them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity
from gatekeeper.recorded import TrackedFinding as Tracked
from gatekeeper_api.schemas.base import Shape


class TrackedFinding(Shape):
    """A finding of a released ref: since when, and until when."""

    project: str
    kind: Kind
    severity: Severity
    rule: str = Field(examples=["CVE-2026-12345"])
    title: str
    path: str | None
    line: int | None
    package: str | None
    version: str | None
    advisories: list[str] = Field(description="Ids and aliases under which it can be asked for.")
    fingerprint: str
    status: Literal["open", "fixed"]
    first_seen_at: datetime
    last_seen_at: datetime
    fixed_at: datetime | None

    @classmethod
    def of(cls, project: str, one: Tracked) -> "TrackedFinding":
        """The finding as the API writes it."""
        return cls(
            project=project,
            kind=one.kind,
            severity=one.severity,
            rule=one.rule,
            title=one.title,
            path=one.path,
            line=one.line,
            package=one.package,
            version=one.version,
            advisories=list(one.advisories),
            fingerprint=one.fingerprint,
            status="open" if one.fixed_at is None else "fixed",
            first_seen_at=one.first_seen_at,
            last_seen_at=one.last_seen_at,
            fixed_at=one.fixed_at,
        )
