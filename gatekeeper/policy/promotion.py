"""How a policy lets a release move: paths and their order, windows, signatures, limits of waivers."""

from datetime import date, datetime, time
from enum import StrEnum

import msgspec

from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity
from gatekeeper.policy.condition import Condition, Guard

STANDARD = "standard"
"""The path of everything that no other path claims."""


class Party(StrEnum):
    """Somebody whom `separation` keeps from approving."""

    AUTHOR = "author"
    COMMITTER = "committer"
    DEPLOYER = "deployer"
    WAIVER_OWNER = "waiver_owner"


class Inline(StrEnum):
    """What suppressions in the scanned source (`nosec`, `nosemgrep`, SARIF, VEX) are worth."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    """Such a finding counts as open; only a waiver sets it aside."""


class ApprovalDemand(msgspec.Struct, frozen=True, kw_only=True):
    """One signature that is needed: a role, how many people, and when."""

    role: str
    count: int = 1
    when: tuple[Guard, ...] = ()
    """Only while all of these hold; a metric that is missing means that the signature is needed."""
    score: Condition | None = None
    """As above, on the score; no score means that the signature is needed."""


class Signing(msgspec.Struct, frozen=True, kw_only=True):
    """The signatures for entering one stage. Later stages do not inherit them."""

    stage: str
    demands: tuple[ApprovalDemand, ...]


class Separation(msgspec.Struct, frozen=True, kw_only=True):
    """Who may not approve."""

    approver_is_not: tuple[Party, ...] = ()
    distinct_people: bool = True
    """One person counts for one role only."""


class WaiverLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long waivers may hold, and who grants them. A waiver beyond them is not applied."""

    max_days: int = 90
    days_by_severity: dict[Severity, int] = {}
    """Shorter for the findings of a severity and of all worse ones."""
    approved_by_role: str | None = None
    inline: Inline = Inline.ACCEPT


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """When a window is open on some days of the week, in the policy's time zone."""

    days: tuple[int, ...]
    """Monday is 0."""
    opens: time
    closes: time
    """The first minute at which it is closed; 00:00 is the end of the day."""


class Freeze(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing enters meanwhile."""

    begins_at: datetime
    ends_at: datetime
    """The first instant after it."""
    reason: str


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """When one stage may be entered: in an opening, on no holiday, in no freeze."""

    stage: str
    openings: tuple[Opening, ...]
    """Empty: at any time that no holiday and no freeze closes."""
    holidays: tuple[date, ...] = ()
    freezes: tuple[Freeze, ...] = ()


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """An obligation that an allowed decision on a path opens."""

    id: str
    title: str
    owner_role: str
    within_s: int


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """One promotion order. Refs choose it, never the caller."""

    name: str
    refs: tuple[str, ...] = ()
    """Globs; only protected refs count. Empty for the standard path."""
    stages: tuple[str, ...]
    """In their order; others cannot be entered on this path."""
    in_order: bool = False
    """True: a stage is entered only after an allowed decision for the one before it on this path."""
    without_rules: tuple[str, ...] = ()
    without_evidence: tuple[Kind, ...] = ()
    loosen_reason: str | None = None
    """Why this path may do without them."""
    approvals: tuple[Signing, ...] | None = None
    """In place of the policy's; None: those of the policy."""
    obligations: tuple[Owed, ...] = ()

    def has(self, paths: tuple[str, ...]) -> bool:
        """True when what holds on `paths` holds here; none named means all."""
        return not paths or self.name in paths
