"""A waiver: an exception that somebody owns, somebody else granted, and time ends."""

from datetime import datetime
from enum import StrEnum

import msgspec

from gatekeeper.canonical import digest
from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity


class WaiverScope(StrEnum):
    """What the words of a waiver name."""

    FINDING = "finding"
    """One finding, by its fingerprint."""
    ADVISORY = "advisory"
    """A known vulnerability, by any of its ids."""
    PACKAGE = "package"
    """Everything about one package: `pypi/urllib3`."""
    PATH = "path"
    """Findings in files, by a glob."""
    RULE = "rule"
    """A rule of the policy, by its id, down to the floor in `accept`."""


class Covered(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that was there when the waiver was granted, and how bad it was then."""

    kind: Kind
    fingerprint: str
    severity: Severity


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """One exception. It never covers more than was there when it was granted.

    A finding that appears later, or that became worse, is open, whatever `match` says.
    """

    id: str
    project: str
    stages: tuple[str, ...] = ()
    """Stages to be entered; empty: all."""
    scope: WaiverScope
    match: str
    """Fingerprint, advisory, `<ecosystem>/<package>`, glob of paths, or id of a rule."""
    covered: tuple[Covered, ...] = ()
    """Empty for a rule; sorted by kind and fingerprint."""
    accept: str | None = None
    """For a rule: the condition that its metric must still fulfil, such as `>= 70`."""
    reason: str
    ticket: str
    owner: str
    """Id of the person who answers for it."""
    approver: str
    """Id of the person who granted it; never the owner."""
    approver_roles: tuple[str, ...] = ()
    """Roles that the approver had then."""
    granted_at: datetime
    expires_at: datetime
    """The first instant at which it no longer holds."""
    revoked_at: datetime | None = None

    @property
    def digest(self) -> str:
        """Digest of everything that it says."""
        return digest(self)

    def ends_at(self) -> datetime:
        """The first instant at which it no longer holds, for whatever reason."""
        return self.expires_at if self.revoked_at is None else min(self.expires_at, self.revoked_at)

    def holds_at(self, moment: datetime) -> bool:
        """True while it is granted and has not ended."""
        return self.granted_at <= moment < self.ends_at()

    def enters(self, stage: str) -> bool:
        """True when it speaks of entering `stage`."""
        return not self.stages or stage in self.stages
