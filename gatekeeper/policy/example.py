"""The examples in a policy file: what each assumes and what it demands."""

from datetime import datetime
from enum import StrEnum

import msgspec

from gatekeeper.decision import Outcome
from gatekeeper.evidence import Kind, Problem, State
from gatekeeper.finding import Severity
from gatekeeper.policy.promotion import STANDARD
from gatekeeper.signoff import Verdict
from gatekeeper.waiver import WaiverScope


class Met(StrEnum):
    """Whether something that a decision waits for is assumed to be there."""

    SATISFIED = "satisfied"
    UNMET = "unmet"


class GivenEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """`given.evidence` of a test: the evidence of one kind, or of one name of it."""

    kind: Kind
    names: tuple[str, ...]
    """Empty: every name that the policy demands of the kind, or `default`."""
    state: State = State.OK
    problems: tuple[Problem, ...] = ()
    age_s: int = 0
    db_age_s: int | None = None
    tool: str | None = None


class GivenFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One open finding; it implies fresh, good evidence of its kind."""

    kind: Kind
    """One of the kinds that have findings."""
    id: str
    """An advisory where there is a package, else the rule of the tool."""
    severity: Severity
    package: str | None = None
    """`<ecosystem>/<package>`."""
    version: str | None = None
    is_fixable: bool = False
    path: str | None = None
    line: int | None = None
    is_new: bool = True
    """False: the baseline has it too."""
    is_suppressed: bool = False
    """True: set aside in the source, as by `nosec`."""


class GivenApproval(msgspec.Struct, frozen=True, kw_only=True):
    """The word of one person about the subject of the test, having seen what there is to see."""

    role: str
    person: str
    verdict: Verdict = Verdict.APPROVE


class GivenWaiver(msgspec.Struct, frozen=True, kw_only=True):
    """A waiver within the limits of the policy; it covers what it matches among the given findings."""

    id: str
    scope: WaiverScope
    match: str
    accept: str | None = None
    """For a rule: the condition that its metric must still fulfil."""
    expires_at: datetime
    """UTC; the first instant at which it no longer holds."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a test assumes; a metric that is not given is absent."""

    metrics: dict[str, str] = {}
    baseline: dict[str, str] | None = None
    evidence: tuple[GivenEvidence, ...] = ()
    findings: tuple[GivenFinding, ...] | None = None
    """None: not given; an empty list means that every scan found nothing."""
    approvals: tuple[GivenApproval, ...] | None = None
    """None: not given, so `everything_else` says whether all are there."""
    order: Met | None = None
    windows: Met | None = None
    """None: judged by the time of the test, unless `everything_else` is satisfied."""
    waivers: tuple[GivenWaiver, ...] = ()
    everything_else: Met = Met.UNMET
    """Of approvals, order, obligations and windows: those that are not given."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a test demands; None is not looked at. Lists are compared whole."""

    outcome: Outcome | None = None
    allowed: bool | None = None
    score: str | None = None
    failed: tuple[str, ...] | None = None
    warned: tuple[str, ...] | None = None
    missing: tuple[str, ...] | None = None
    skipped: tuple[str, ...] | None = None
    observed: tuple[str, ...] | None = None
    used_waivers: tuple[str, ...] | None = None
    expired_waivers: tuple[str, ...] | None = None
    unused_waivers: tuple[str, ...] | None = None
    approvals: tuple[str, ...] | None = None
    """Roles whose approval is missing."""


class PolicyTest(msgspec.Struct, frozen=True, kw_only=True):
    """One example in the policy file."""

    name: str
    stage: str
    path: str = STANDARD
    as_of: datetime
    given: Given
    expect: Expected
    line: int
    """Where the test stands in the file."""
