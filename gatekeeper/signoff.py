"""What people sign: approvals, overrides, and what they owe afterwards."""

from datetime import datetime
from enum import StrEnum

import msgspec

from gatekeeper.canonical import digest
from gatekeeper.decision import Outcome, Status
from gatekeeper.finding import Severity


class Verdict(StrEnum):
    """What a person said when asked for an approval."""

    APPROVE = "approve"
    DECLINE = "decline"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the person saw when signing. An approval is worth no more than this."""

    demands: str
    """Digest of what the policy demanded to be signed (`Policy.signing_digest`)."""
    decision: str | None = None
    """Id of the decision that was looked at."""
    rules: dict[str, Status] = {}
    """The blocking rules, approvals left out."""
    findings: dict[str, Severity] = {}
    """Open findings by fingerprint."""


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word on one subject entering one stage, in one role."""

    id: str
    person: str
    """Id of the person, the same for all accounts that are one person."""
    role: str
    """The role that was signed in; the person had it then."""
    verdict: Verdict
    stage: str
    path: str
    tree: str
    artifact: str
    """Empty when the source was signed."""
    shown: Shown
    given_at: datetime
    withdrawn_at: datetime | None = None

    @property
    def digest(self) -> str:
        """Digest of everything that it says."""
        return digest(self)


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """Break-glass: two people let one failing subject into one stage, for a day at most."""

    id: str
    people: tuple[str, str]
    """Who asked and who agreed: two persons, sorted."""
    reason: str
    stage: str
    tree: str
    artifact: str
    granted_at: datetime
    expires_at: datetime
    """At most 24 hours later; the first instant at which it no longer holds."""
    revoked_at: datetime | None = None

    @property
    def digest(self) -> str:
        """Digest of everything that it says."""
        return digest(self)

    def holds_at(self, moment: datetime) -> bool:
        """True while it is granted and has not ended."""
        end = self.expires_at if self.revoked_at is None else min(self.expires_at, self.revoked_at)
        return self.granted_at <= moment < end


class Obligation(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed after an exception, such as the tests that a hotfix left out."""

    id: str
    title: str
    owner_role: str
    decision: str
    """The decision that it follows from."""
    opened_at: datetime
    due_at: datetime
    """The first instant at which it is overdue and blocks."""
    settled_at: datetime | None = None

    @property
    def digest(self) -> str:
        """Digest of everything that it says."""
        return digest(self)

    def is_open_at(self, moment: datetime) -> bool:
        """True while it is owed."""
        return self.settled_at is None or moment < self.settled_at


class PriorDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The newest recorded decision about the same source (and artifact) for an earlier stage."""

    stage: str
    path: str
    decision: str
    outcome: Outcome
    allowed: bool
    as_of: datetime

    @property
    def digest(self) -> str:
        """Digest of everything that it says."""
        return digest(self)


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """The people's records behind a question. Their digests stand in its inputs, sorted."""

    approvals: tuple[Approval, ...] = ()
    overrides: tuple[Override, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    prior: tuple[PriorDecision, ...] = ()
