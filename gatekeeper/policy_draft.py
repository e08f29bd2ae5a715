"""A change of a policy on its way: written, checked, submitted, approved by somebody else, in force."""

from datetime import datetime
from enum import StrEnum

import msgspec


class DraftState(StrEnum):
    """Where a draft stands. The last three are ends."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a draft and running its tests said."""

    digest: str | None = None
    """Of the policy; None when it cannot decide."""
    faults: tuple[str, ...] = ()
    """Each with its line and key."""
    tests: int = 0
    failed: tuple[str, ...] = ()
    """Names of the tests that fail."""

    @property
    def is_sound(self) -> bool:
        """True when it may be submitted."""
        return self.digest is not None and not self.faults and not self.failed


class PolicyDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a policy to be."""

    id: str
    policy: str
    based_on: int | None
    """The newest version when it was begun; None for a policy that is new."""
    revision: int
    """One more with every save and step: who saw an older one is told what changed."""
    state: DraftState
    text: bytes
    checked: Checked
    reason: str
    in_force_from: datetime | None
    """None: as soon as it is approved."""
    authors: tuple[str, ...]
    """Principals of all who wrote or submitted it: none of them approves it."""
    created_at: datetime
    changed_at: datetime
    judged_by: str | None = None
    """Who approved or rejected it."""
    comment: str = ""
    backtest: str | None = None
    """SHA-256 of the backtest that the approver was shown."""
    version: int | None = None
    """The version that it became."""
