"""Weighing one approval: does it count for the question as it stands now, and what is news since it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gatekeeper.decision import Mode, Reason, RuleResult, Status
from gatekeeper.finding import Finding, Severity
from gatekeeper.policy.entry import APPROVAL, OBLIGATION, ORDER, SEPARATION, WINDOW, Asked
from gatekeeper.policy.said import reason
from gatekeeper.policy.separation import Excluded
from gatekeeper.signoff import Approval, Shown

_GRAVITY = {
    Status.PASS: 0,
    Status.SKIPPED: 1,
    Status.OBSERVED: 1,
    Status.WARN: 2,
    Status.WAIVED: 3,
    Status.MISSING: 4,
    Status.ERROR: 4,
    Status.FAIL: 4,
}
"""How much less than a pass each status says of a blocking rule."""


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
class News:
    """What changed after signing without voiding it."""

    rules: frozenset[tuple[str, str, str]] = frozenset()
    """Id, the status that was shown, the status now; `-` where there is none."""
    findings: frozenset[tuple[str, Severity]] = frozenset()
    """Fingerprints that were not shown, or that were less severe then."""

    def __or__(self, other: "News") -> "News":
        return News(rules=self.rules | other.rules, findings=self.findings | other.findings)


def blocking_rules(results: Iterable[RuleResult]) -> dict[str, Status]:
    """What `Shown.rules` holds: blocking rules and demanded evidence by id.

    What only holds a release back for now (order, window, signatures, obligations) is left out: it blocks by
    itself, and a window that is closed tonight does not void what was signed by day.
    """
    return {one.id: one.status for one in results if one.mode is Mode.BLOCK and not _is_of_entry(one.id)}


def open_findings(findings: Iterable[Finding]) -> dict[str, Severity]:
    """What `Shown.findings` holds: the worst severity by fingerprint."""
    found: dict[str, Severity] = {}
    for finding in findings:
        worst = found.get(finding.fingerprint)
        if worst is None or finding.severity.rank > worst.rank:
            found[finding.fingerprint] = finding.severity
    return found


def is_asked(approval: Approval, asked: Asked) -> bool:
    """True when it speaks of this subject, stage and path, was given by now, and not withdrawn."""
    return _elsewhere(approval, asked) is None


def set_aside(approval: Approval, asked: Asked, standing: Standing) -> Reason | None:
    """Why an approving approval does not count; None when it does."""
    return (
        _elsewhere(approval, asked)
        or _by_party(approval, standing)
        or _changed(approval, standing)
        or _worse(approval, standing)
        or _appeared(approval, standing)
    )


def news_since(shown: Shown, standing: Standing) -> News:
    """What is different from what was shown, better or below `revoke_on`."""
    rules = {
        (id_, str(shown.rules.get(id_, "-")), str(standing.rules.get(id_, "-")))
        for id_ in {*shown.rules, *standing.rules}
        if shown.rules.get(id_) is not standing.rules.get(id_) and not _is_of_entry(id_)
    }
    return News(rules=frozenset(rules), findings=frozenset(_new_findings(shown, standing)))


def _is_of_entry(id_: str) -> bool:
    return id_ in (ORDER, WINDOW, SEPARATION) or id_.startswith((APPROVAL, OBLIGATION))


def _elsewhere(approval: Approval, asked: Asked) -> Reason | None:
    """Why it does not speak of what is asked at `as_of`."""
    person = approval.person
    if approval.stage != asked.stage:
        return reason("approval-other-stage", person=person, stage=approval.stage)
    if approval.path != asked.path.name:
        return reason("approval-other-path", person=person, path=approval.path)
    if not asked.is_subject(approval.tree, approval.artifact):
        if asked.tree and approval.tree == asked.tree:
            return reason("approval-other-artifact", person=person)
        return reason("approval-other-source", person=person)
    if approval.given_at > asked.as_of:
        return reason("approval-not-yet", person=person)
    if approval.withdrawn_at is not None and approval.withdrawn_at <= asked.as_of:
        return reason("approval-withdrawn", person=person)
    return None


def _by_party(approval: Approval, standing: Standing) -> Reason | None:
    parties = standing.excluded.people.get(approval.person)
    if not parties:
        return None
    return reason("approval-by-party", person=approval.person, parties=tuple(str(one) for one in parties))


def _changed(approval: Approval, standing: Standing) -> Reason | None:
    if approval.shown.demands == standing.demands:
        return None
    return reason("approval-demands-changed", person=approval.person)


def _worse(approval: Approval, standing: Standing) -> Reason | None:
    """A rule that was not shown counts as one that was shown passing."""
    shown = approval.shown.rules
    worse = sorted(
        id_
        for id_, status in standing.rules.items()
        if _GRAVITY[status] > _GRAVITY[shown.get(id_, Status.PASS)] and not _is_of_entry(id_)
    )
    return reason("approval-rule-worse", person=approval.person, rules=tuple(worse)) if worse else None


def _appeared(approval: Approval, standing: Standing) -> Reason | None:
    floor = standing.revoke_on
    if floor is None:
        return None
    count = sum(severity.at_least(floor) for _, severity in _new_findings(approval.shown, standing))
    return reason("approval-finding-appeared", person=approval.person, count=count) if count else None


def _new_findings(shown: Shown, standing: Standing) -> list[tuple[str, Severity]]:
    """What is open now and was not shown, or is worse now."""
    before = shown.findings
    # Of thousands all or nearly all are as they were shown, so the cheap comparisons come first.
    if before == standing.findings:
        return []
    unlike = [(id_, now) for id_, now in standing.findings.items() if before.get(id_) is not now]
    return [(id_, now) for id_, now in unlike if (was := before.get(id_)) is None or now.rank > was.rank]
