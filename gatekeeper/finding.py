"""One problem at one place."""

from decimal import Decimal
from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """Ordered from worst to least; `unknown` ranks with `high` (never medium, never zero)."""

    CRITICAL = "critical"
    HIGH = "high"
    UNKNOWN = "unknown"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """4 for critical down to 0 for info."""
        return _RANK[self]

    def at_least(self, floor: "Severity") -> bool:
        """True when this is as bad as `floor` or worse."""
        return self.rank >= floor.rank


_RANK = {
    Severity.CRITICAL: 4,
    Severity.HIGH: 3,
    Severity.UNKNOWN: 3,
    Severity.MEDIUM: 2,
    Severity.LOW: 1,
    Severity.INFO: 0,
}
_BANDS = ((9, Severity.CRITICAL), (7, Severity.HIGH), (4, Severity.MEDIUM))


def severity_of_score(score: Decimal) -> Severity:
    """Critical from 9.0, high from 7.0, medium from 4.0, low above 0, info for 0.0.

    The bands of CVSS 3 and 4, and of `security-severity` (GitHub, SARIF support for code scanning).
    """
    for floor, severity in _BANDS:
        if score >= floor:
            return severity
    return Severity.LOW if score > 0 else Severity.INFO


class Location(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A place in a file. `path` is relative with forward slashes; lines and columns are 1-based."""

    path: str
    line: int | None = None
    column: int | None = None
    end_line: int | None = None


class Package(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A dependency. `name` is normalised for its ecosystem (PEP 503 for PyPI)."""

    ecosystem: str
    name: str
    version: str | None = None
    fixed_versions: tuple[str, ...] = ()
    """Versions that clear the problem, lowest first; empty when no fix is known."""


class Suppression(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why the tool or its user set a finding aside. Only an accepted one closes the finding."""

    source: str
    """`inline` (nosec, nosemgrep), `external` (SARIF), `vex`."""
    reason: str | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One problem. `fingerprint` survives moved lines; severity, message and line are not identity."""

    fingerprint: str
    tool: str
    rule: str
    severity: Severity
    message: str
    location: Location | None = None
    cwe: tuple[int, ...] = ()
    cvss: str | None = None
    """Base score as a decimal string, "9.8"."""
    advisories: tuple[str, ...] = ()
    """The reported id first, then its aliases, sorted (CVE, GHSA, PYSEC are one problem)."""
    package: Package | None = None
    suppression: Suppression | None = None

    @property
    def is_open(self) -> bool:
        """True unless an accepted suppression sets it aside."""
        return self.suppression is None
