"""Approvals: which signatures count, for which roles, and who still has to sign."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gatekeeper.decision import Approvals, RuleResult, Status
from gatekeeper.finding import Finding, Severity
from gatekeeper.policy.book import FactBook
from gatekeeper.policy.entry import Asked, Held
from gatekeeper.policy.model import Policy
from gatekeeper.policy.separation import Excluded
from gatekeeper.signoff import Approval


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the subject stands now. An approval is held against it."""

    demands: str
    """Today's `Policy.signing_digest`."""
    rules: Mapping[str, Status]
    """`blocking_rules` of the results."""
    findings: Mapping[str, Severity]
    """`open_findings` after waivers."""
    revoke_on: Severity | None
    excluded: Excluded
    """Its unknown parties fail the result `separation`, which `signed` gives too."""


@dataclass(frozen=True, kw_only=True)
class Signed(Held):
    """One result for each role that must sign, and the lists of the decision."""

    approvals: Approvals = Approvals()


def blocking_rules(results: Iterable[RuleResult]) -> dict[str, Status]:
    """What `Shown.rules` holds: blocking rules and demanded evidence by id, nothing of `entry`."""
    raise NotImplementedError


def open_findings(findings: Iterable[Finding]) -> dict[str, Severity]:
    """What `Shown.findings` holds: the worst severity by fingerprint."""
    raise NotImplementedError


def signed(
    asked: Asked,
    policy: Policy,
    standing: Standing,
    approvals: Sequence[Approval],
    *,
    book: FactBook,
    score: Fraction | None,
) -> Signed:
    """The results `separation` and `approval.<role>` for what the policy demands here; often none.

    `score` is the exact score; None when no rule scored.
    """
    raise NotImplementedError
