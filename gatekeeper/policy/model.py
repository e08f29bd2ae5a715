"""The rules of a security team as frozen data: what a policy file says, after every default is filled in."""

from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

import msgspec

from gatekeeper.canonical import digest
from gatekeeper.decision import Mode
from gatekeeper.evidence import Kind, Trust
from gatekeeper.finding import Severity
from gatekeeper.policy.condition import Condition, Guard, MetricRef
from gatekeeper.policy.example import Expected as Expected
from gatekeeper.policy.example import Given as Given
from gatekeeper.policy.example import GivenEvidence as GivenEvidence
from gatekeeper.policy.example import PolicyTest as PolicyTest
from gatekeeper.policy.promotion import (
    STANDARD,
    Path,
    Separation,
    Signing,
    WaiverLimits,
    Window,
)

SCHEMA = "gatekeeper/v1"
DEFAULT_STAGES = ("develop", "test", "uat", "staging", "production")
DEFAULT_VALID_FOR_S = 24 * 3600

PERISHABLE_S: dict[Kind, int] = {
    Kind.SCA: 24 * 3600,
    Kind.CONTAINER: 24 * 3600,
    Kind.SECRETS: 7 * 24 * 3600,
    Kind.DAST: 7 * 24 * 3600,
    Kind.DEFECTS: 24 * 3600,
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


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an expression reads. When it is absent the expression is not run."""

    variable: str
    """Its name in the expression: that of the metric, or `findings` of a kind such as `sca.findings`."""
    metric: MetricRef | None = None
    findings: Kind | None = None
    """Set when it is the list of open findings of a kind; exactly one of the two is."""


class Expression(msgspec.Struct, frozen=True, kw_only=True):
    """A condition in CEL, for what a comparison cannot say."""

    source: str
    needs: tuple[Need, ...]
    """Sorted by variable."""
    message: str
    """What is wrong when it is false, in the words of the policy's authors."""


class _Rule(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
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
    paths: tuple[str, ...] = ()
    """Names of the paths on which it holds, sorted; empty: on all."""


class Rule(_Rule, frozen=True, kw_only=True):
    """One condition on one metric, from one stage on."""

    metric: MetricRef
    bounds: tuple[Bounds, ...]
    """In stage order; the first is for the stage `from`, each holds until the next."""
    no_worse_than: NoWorse | None
    on_no_baseline: Act


class ExpressionRule(_Rule, frozen=True, kw_only=True):
    """One condition in CEL, from one stage on."""

    expression: Expression
    from_stage: str


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
    trust: dict[str, Trust] = {}
    """How far its sender must be believed, from a stage on; without a stage `claimed` is enough."""
    protected_from: str | None = None
    """The first stage for which it must come from a protected ref."""


class ScoreBounds(msgspec.Struct, frozen=True, kw_only=True):
    """From `pass` on the score is good; from `warn` on it is `warn`; below it fails. Decimals, 0-100."""

    pass_: str = msgspec.field(name="pass")
    warn: str


class Ancestor(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that another one extends, pinned."""

    name: str
    version: int | None
    """The number that a server gave it; None for a file that was pinned by its digest alone."""
    digest: str


class Policy(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A whole policy. `tests`, `owner` and the order of the rules cannot change a decision."""

    name: str
    owner: str
    time_zone: str
    stages: tuple[str, ...]
    evidence: tuple[Requirement, ...]
    rules: tuple[Rule, ...]
    expressions: tuple[ExpressionRule, ...] = ()
    score: ScoreBounds | None
    valid_for_s: int
    on_missing: Act
    on_error: Act
    paths: tuple[Path, ...] = ()
    """Empty: only the standard one, over all stages in any order. Otherwise the standard one is here."""
    windows: tuple[Window, ...] = ()
    approvals: tuple[Signing, ...] = ()
    revoke_on: Severity | None = None
    """A finding at least so bad that appears after an approval voids it; None: none does."""
    is_by_mail: bool = False
    """True when people may sign by a single-use link in a mail."""
    separation: Separation = Separation()
    waiver_limits: WaiverLimits = WaiverLimits()
    applies_to: tuple[str, ...] = ()
    """Globs of project paths; not part of the digest, because it cannot change a decision once made."""
    extends: tuple[Ancestor, ...] = ()
    """What it was built on, the nearest first. Their rules are in `rules` already."""
    tests: tuple[PolicyTest, ...] = ()

    @property
    def all_rules(self) -> tuple[Rule | ExpressionRule, ...]:
        """Comparisons, then expressions."""
        return (*self.rules, *self.expressions)

    @property
    def document(self) -> dict[str, Any]:
        """Everything that can change a decision, as plain JSON with every default written out."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        del plain["tests"], plain["owner"], plain["applies_to"]
        plain["schema"] = SCHEMA
        plain["rules"] = sorted(plain["rules"], key=lambda rule: str(rule["id"]))
        plain["expressions"] = sorted(plain["expressions"], key=lambda rule: str(rule["id"]))
        plain["evidence"] = sorted(plain["evidence"], key=lambda requirement: str(requirement["kind"]))
        return plain

    @cached_property
    def digest(self) -> str:
        """Digest of `document`: comments, layout, tests, the owner and the order of rules do not move it."""
        return digest(self.document)

    def requirement(self, kind: Kind) -> Requirement:
        """What the file says about evidence of `kind`, or the defaults of the kind."""
        for requirement in self.evidence:
            if requirement.kind is kind:
                return requirement
        return default_requirement(kind)

    def path(self, name: str) -> Path | None:
        """The path of this name; None when the policy has none."""
        if not self.paths and name == STANDARD:
            return Path(name=STANDARD, stages=self.stages)
        return next((path for path in self.paths if path.name == name), None)

    def signing(self, stage: str, path: Path) -> Signing | None:
        """The signatures for entering `stage` on `path`; None when there are none."""
        wanted = self.approvals if path.approvals is None else path.approvals
        return next((signing for signing in wanted if signing.stage == stage), None)

    def signing_digest(self, stage: str, path: Path) -> str:
        """Digest of what must be signed and by whom: a change of it voids approvals."""
        return digest([self.signing(stage, path), self.separation, self.revoke_on])

    def window(self, stage: str) -> Window | None:
        """When `stage` may be entered; None: at any time."""
        return next((window for window in self.windows if window.stage == stage), None)

    def reaches(self, stage: str, start: str) -> bool:
        """True when what holds from `start` on also holds for `stage`."""
        return self.stages.index(start) <= self.stages.index(stage)

    def begun(self, rule: Rule | ExpressionRule, stage: str) -> bool:
        """True when `rule` holds for entering `stage`."""
        if isinstance(rule, ExpressionRule):
            return self.reaches(stage, rule.from_stage)
        return self.bounds_at(rule, stage) is not None

    def bounds_at(self, rule: Rule, stage: str) -> Bounds | None:
        """The bounds of `rule` for entering `stage`; None when the rule begins later."""
        found = None
        for bounds in rule.bounds:
            if self.reaches(stage, bounds.stage):
                found = bounds
        return found


@cache
def default_requirement(kind: Kind) -> Requirement:
    """What holds for evidence of `kind` when the file says nothing about it."""
    return Requirement(
        kind=kind,
        from_stage=None,
        max_age_s=PERISHABLE_S.get(kind),
        bind=Binding.ARTIFACT if kind in ARTIFACT_BOUND else Binding.SOURCE,
    )
