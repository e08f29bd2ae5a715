"""A decision: the answer to "may this subject enter this stage?", with every reason for it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from gatekeeper.canonical import digest
from gatekeeper.evidence import Kind, Param, Problem, Provenance, State, Trust, Use
from gatekeeper.subject import Source, Subject

SEMANTICS = 2
"""Version of the meaning of `evaluate`; it rises whenever equal inputs could give another answer."""


class Outcome(StrEnum):
    """The verdict. Only a person's override can allow a `fail`."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


class Status(StrEnum):
    """The result of one rule."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    MISSING = "missing"
    ERROR = "error"
    SKIPPED = "skipped"
    WAIVED = "waived"
    OBSERVED = "observed"


class Mode(StrEnum):
    """What a rule does to the decision. `severity` is only a label."""

    BLOCK = "block"
    SCORE = "score"
    WARN = "warn"
    OBSERVE = "observe"


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest step that would turn a rule green, as code and parameters; `text` is English."""

    code: str
    params: dict[str, Param] = {}
    text: str = ""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a rule has its status, as code and parameters; `text` is English."""

    code: str
    params: dict[str, Param] = {}
    text: str = ""


class RuleResult(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the policy, applied."""

    id: str
    title: str
    status: Status
    mode: Mode
    severity: str | None
    metric: str | None
    actual: str | None
    """Shown value, rounded so that a failing one never reads as the threshold; None when unknown."""
    threshold: str | None = msgspec.field(name="pass")
    warn: str | None
    points: str | None
    """Weight times 1, 1/2 or 0 for `score` rules; None for the others."""
    weight: int | None
    evidence: tuple[str, ...]
    """Document digests that the rule read."""
    message: Reason
    remedy: Remedy | None


class EvidenceUse(msgspec.Struct, frozen=True, kw_only=True):
    """How the decision used one piece of evidence."""

    id: str
    kind: Kind
    name: str
    job: str
    format: str | None
    state: State
    use: Use
    trust: Trust
    sha256: str
    digest: str
    received_at: datetime
    produced_at: datetime | None
    problems: tuple[Problem, ...]
    tolerated: tuple[str, ...]
    """Problem codes that the policy's `allow` let through."""


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence that the policy demands and the subject does not have."""

    kind: Kind
    name: str | None
    reason: Reason


class PolicyRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which rules decided. `version` is None for a file that no server numbered."""

    name: str
    version: int | None
    digest: str


class Waivers(msgspec.Struct, frozen=True, kw_only=True):
    """Exceptions that were applied, had ended, or matched nothing, by id."""

    used: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


class Approvals(msgspec.Struct, frozen=True, kw_only=True):
    """Roles that must sign, that signed, and that still have to."""

    required: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that will begin to count: what it would say today."""

    rule: str
    at: datetime
    status: Status
    mode: Mode


class Digests(msgspec.Struct, frozen=True, kw_only=True):
    """Digests that a replay compares."""

    inputs: str
    outputs: str


class EvidenceInput(msgspec.Struct, frozen=True, kw_only=True):
    """What the digest of the inputs holds of one piece of evidence: content by digest, no database id."""

    kind: Kind
    name: str
    job: str
    order: int
    digest: str
    sha256: str
    state: State
    provenance: Provenance
    source: Source | None
    artifact: str | None
    set_id: str | None
    received_at: datetime
    produced_at: datetime | None


class SetInput(msgspec.Struct, frozen=True, kw_only=True):
    """An upload set behind the evidence: reports that only count together."""

    id: str
    name: str
    parts: int | None
    """How many were announced; None when nobody said it."""
    missing: tuple[int, ...]
    is_closed: bool
    """True when the sender said that nothing more is to come, or the deadline passed."""

    @property
    def is_complete(self) -> bool:
        """True when every announced part is there; without an announced total, when it was closed."""
        return not self.missing and (self.parts is not None or self.is_closed)


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Who made and ships the change, where known."""

    author: str | None = None
    committer: str | None = None
    deployer: str | None = None


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """All that `evaluate` may look at, by digest. Lists that nothing fills yet are empty, never left out."""

    semantics: int = SEMANTICS
    policy_digest: str
    subject: Subject
    stage: str
    path: str = "standard"
    as_of: datetime
    evidence: tuple[EvidenceInput, ...]
    waivers: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    prior_decisions: tuple[str, ...] = ()
    people: People = People()
    baseline_digest: str | None = None
    feeds: tuple[str, ...] = ()
    """Digests of the advisory databases behind the evidence, sorted."""
    tzdata_version: str | None = None
    sets: tuple[SetInput, ...] = ()
    """The upload sets of the evidence, sorted by id."""

    def question(self) -> str:
        """Digest of the inputs without `as_of`: the same question asked again has the same one."""
        parts: dict[str, Any] = msgspec.to_builtins(self)
        del parts["as_of"]
        return digest(parts)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. `outcome` never changes afterwards; callers act on `allowed` alone."""

    id: str
    outcome: Outcome
    allowed: bool
    gate: bool
    """False for an answer of `gatekeeper evaluate`: it shows what a gate would say and is not a gate."""
    score: str | None
    """0-100 with two decimals, rounded down; None when no `score` rule applied."""
    score_arithmetic: str | None
    """`5.5 of 7 points`, for people."""
    question: str
    subject: Subject
    stage: str
    path: str
    policy: PolicyRef
    as_of: datetime
    valid_until: datetime
    reasons: tuple[Reason, ...]
    """Reasons that belong to no single rule: `nothing-checked`, `score-too-low`."""
    rules: tuple[RuleResult, ...]
    evidence: tuple[EvidenceUse, ...]
    missing: tuple[Missing, ...]
    waivers: Waivers
    approvals: Approvals
    obligations: tuple[str, ...]
    override: str | None
    would_change: tuple[Change, ...]
    digests: Digests
    ledger: None = None


def as_json(decision: Decision) -> bytes:
    """The decision as the API and `--format json` write it: indented UTF-8 JSON, one trailing newline."""
    return msgspec.json.format(msgspec.json.encode(decision), indent=2) + b"\n"


def decision_from(data: bytes) -> Decision:
    """A stored decision read back.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: it is not a decision.
    """
    return msgspec.json.decode(data, type=Decision)
