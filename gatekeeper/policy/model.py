"""The rules of a security team as frozen data: what a policy file says, after every default is filled in."""

from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

import msgspec

from gatekeeper.canonical import digest
from gatekeeper.decision import Mode, Outcome
from gatekeeper.evidence import Kind, Problem, State

SCHEMA = "gatekeeper/v1"
DEFAULT_STAGES = ("develop", "test", "uat", "staging", "production")
DEFAULT_VALID_FOR_S = 24 * 3600

PERISHABLE_S: dict[Kind, int] = {
    Kind.SCA: 24 * 3600,
    Kind.CONTAINER: 24 * 3600,
    Kind.SECRETS: 7 * 24 * 3600,
    Kind.DAST: 7 * 24 * 3600,
}
"""`max_age` of the kinds whose answer changes although the source does not. The others age only when the
policy says so, because they are bound to their source."""

NAME_GONE = "name-gone"
"""In `allow`: that many names of the baseline may be gone, as after a rename."""

NEVER_TOLERATED = frozenset(
    {
        "empty", "unknown-format", "too-large", "malformed", "hostile", "too-deep", "too-many-items",
        "wrong-shape", "encoding", "ambiguous", "out-of-memory", "no-data", "no-cases",
    }
)  # fmt: skip
"""Problems after which nothing was read or counted: no `allow` lets them through."""

ARTIFACT_BOUND = (Kind.CONTAINER, Kind.DAST)
"""Kinds that speak of what was built; all others speak of the source."""


class Op(StrEnum):
    """How a metric is compared with a threshold."""

    AT_LEAST = ">="
    AT_MOST = "<="
    MORE = ">"
    LESS = "<"
    EQUAL = "=="
    OTHER = "!="


class Act(StrEnum):
    """What happens when a rule cannot be judged."""

    BLOCK = "block"
    """The decision fails, whatever the mode of the rule."""
    WARN = "warn"
    """The decision is at best `warn`; a `score` rule gets no points."""
    SKIP = "skip"
    """The rule is listed as skipped and does not count."""


class Binding(StrEnum):
    """What a piece of evidence must be about."""

    SOURCE = "source"
    ARTIFACT = "artifact"


class Condition(msgspec.Struct, frozen=True):
    """`>= 80`: an operator and a decimal threshold in plain digits, without superfluous zeros."""

    op: Op
    threshold: str

    @property
    def value(self) -> Fraction:
        """The threshold, exactly."""
        return Fraction(self.threshold)

    def holds(self, actual: Fraction) -> bool:
        """True when `actual` fulfils the condition; no rounding takes place."""
        match self.op:
            case Op.AT_LEAST:
                return actual >= self.value
            case Op.AT_MOST:
                return actual <= self.value
            case Op.MORE:
                return actual > self.value
            case Op.LESS:
                return actual < self.value
            case Op.EQUAL:
                return actual == self.value
            case Op.OTHER:
                return actual != self.value

    def __str__(self) -> str:
        return f"{self.op} {self.threshold}"


class MetricRef(msgspec.Struct, frozen=True):
    """`tests.failed`, or `tests.failed@e2e` for the evidence of one name."""

    metric: str
    name: str | None = None

    def __str__(self) -> str:
        return self.metric if self.name is None else f"{self.metric}@{self.name}"


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `only_if`: the rule is judged only while the condition holds."""

    metric: MetricRef
    condition: Condition


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """`pass` and `warn` from one stage on."""

    stage: str
    pass_: Condition | None = msgspec.field(name="pass")
    warn: Condition | None


class NoWorse(msgspec.Struct, frozen=True, kw_only=True):
    """`no_worse_than`: how far a metric may be worse than in the baseline."""

    by: str
    """A decimal: percent of the baseline's value when `is_relative`, else in the metric's own unit."""
    is_relative: bool

    def limit(self, baseline: Fraction, *, higher_is_better: bool) -> Fraction:
        """The worst value that is still accepted."""
        slack = baseline * Fraction(self.by) / 100 if self.is_relative else Fraction(self.by)
        return baseline - slack if higher_is_better else baseline + slack

    def __str__(self) -> str:
        return f"{self.by}%" if self.is_relative else self.by


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One condition on one metric, from one stage on."""

    id: str
    title: str
    metric: MetricRef
    bounds: tuple[Bounds, ...]
    """In stage order; the first is for the stage `from`, each holds until the next."""
    no_worse_than: NoWorse | None
    on_no_baseline: Act
    mode: Mode
    severity: str | None
    weight: int | None
    """1..1000 for `score` rules, None for the others."""
    only_if: tuple[Guard, ...]
    on_too_few: Act
    on_missing: Act
    on_error: Act
    enforce_from: datetime | None
    """UTC; before it the rule is observed."""
    loosen_reason: str | None


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """`evidence.<kind>`: what must be there before any rule is looked at."""

    kind: Kind
    from_stage: str | None
    """None: nothing is demanded beyond what the rules read; the other keys still hold."""
    names: tuple[str, ...] = ()
    max_age_s: int | None = None
    db_max_age_s: int | None = None
    tools: tuple[str, ...] = ()
    """Every one of them must have reported."""
    bind: Binding = Binding.SOURCE
    allow: dict[str, int | None] = {}
    """Problem code -> largest tolerated count in one report; None is `any`."""


class ScoreBounds(msgspec.Struct, frozen=True, kw_only=True):
    """From `pass` on the score is good; from `warn` on it is `warn`; below it fails. Decimals, 0-100."""

    pass_: str = msgspec.field(name="pass")
    warn: str


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


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a test assumes; a metric that is not given is absent."""

    metrics: dict[str, str] = {}
    baseline: dict[str, str] | None = None
    evidence: tuple[GivenEvidence, ...] = ()


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a test demands; None is not looked at. Lists of rules are compared whole."""

    outcome: Outcome | None = None
    allowed: bool | None = None
    score: str | None = None
    failed: tuple[str, ...] | None = None
    warned: tuple[str, ...] | None = None
    missing: tuple[str, ...] | None = None
    skipped: tuple[str, ...] | None = None
    observed: tuple[str, ...] | None = None


class PolicyTest(msgspec.Struct, frozen=True, kw_only=True):
    """One example in the policy file."""

    name: str
    stage: str
    as_of: datetime
    given: Given
    expect: Expected
    line: int
    """Where the test stands in the file."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A whole policy. `tests`, `owner` and the order of the rules cannot change a decision."""

    name: str
    owner: str
    time_zone: str
    stages: tuple[str, ...]
    evidence: tuple[Requirement, ...]
    rules: tuple[Rule, ...]
    score: ScoreBounds | None
    valid_for_s: int
    on_missing: Act
    on_error: Act
    tests: tuple[PolicyTest, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        """Everything that can change a decision, as plain JSON with every default written out."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        del plain["tests"], plain["owner"]
        plain["schema"] = SCHEMA
        plain["rules"] = sorted(plain["rules"], key=lambda rule: str(rule["id"]))
        plain["evidence"] = sorted(plain["evidence"], key=lambda requirement: str(requirement["kind"]))
        return plain

    @property
    def digest(self) -> str:
        """Digest of `document`: comments, layout, tests, the owner and the order of rules do not move it."""
        return digest(self.document)

    def requirement(self, kind: Kind) -> Requirement:
        """What the file says about evidence of `kind`, or the defaults of the kind."""
        for requirement in self.evidence:
            if requirement.kind is kind:
                return requirement
        return default_requirement(kind)

    def reaches(self, stage: str, start: str) -> bool:
        """True when what holds from `start` on also holds for `stage`."""
        return self.stages.index(start) <= self.stages.index(stage)

    def bounds_at(self, rule: Rule, stage: str) -> Bounds | None:
        """The bounds of `rule` for entering `stage`; None when the rule begins later."""
        found = None
        for bounds in rule.bounds:
            if self.reaches(stage, bounds.stage):
                found = bounds
        return found


def default_requirement(kind: Kind) -> Requirement:
    """What holds for evidence of `kind` when the file says nothing about it."""
    return Requirement(
        kind=kind,
        from_stage=None,
        max_age_s=PERISHABLE_S.get(kind),
        bind=Binding.ARTIFACT if kind in ARTIFACT_BOUND else Binding.SOURCE,
    )
