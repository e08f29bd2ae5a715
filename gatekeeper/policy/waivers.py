"""Which waivers hold for a question, and what they set aside. The only place that says so.

A waiver covers the findings that were there when it was granted, at the severity they had then, or one rule
down to a floor. Beyond the limits of the policy it covers nothing, and the decision says why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from gatekeeper.decision import Reason
from gatekeeper.decision import Waivers as Listed
from gatekeeper.evidence import Kind
from gatekeeper.finding import Finding, Severity
from gatekeeper.policy.condition import Condition
from gatekeeper.policy.model import Policy
from gatekeeper.policy.promotion import WaiverLimits
from gatekeeper.policy.said import reason
from gatekeeper.policy.spelling import condition, utc
from gatekeeper.waiver import Covered, Waiver, WaiverScope


@dataclass(frozen=True, kw_only=True)
class RuleWaiver:
    """An exception for one rule: it may fail while its metric fulfils `accept`."""

    waiver: Waiver
    accept: Condition


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """The waivers of one question, at its time."""

    applied: tuple[Waiver, ...] = ()
    """Those that set aside what they cover, if it is there; by id."""
    expired: tuple[str, ...] = ()
    """Ids of those that have ended, by time or by being revoked."""
    refused: Mapping[str, Reason] = field(default_factory=dict)
    """Why those that have not ended set nothing aside, by id."""
    starts: tuple[datetime, ...] = ()
    """When those begin that are granted for later."""
    findings: Mapping[Kind, Mapping[str, tuple[tuple[Severity, str], ...]]] = field(default_factory=dict)
    """By kind and fingerprint: the worst severity that is set aside, and by which waiver."""
    rules: Mapping[str, tuple[RuleWaiver, ...]] = field(default_factory=dict)
    """By id of the rule, ordered by id of the waiver."""

    def sets_aside(self, kind: Kind, finding: Finding) -> tuple[str, ...]:
        """Ids of the waivers that cover `finding` as bad as it is now; none: it is open."""
        covers = self.findings.get(kind, {}).get(finding.fingerprint, ())
        return tuple(name for severity, name in covers if finding.severity.rank <= severity.rank)

    def listed(self, used: Iterable[str]) -> Listed:
        """The lists of the decision when `used` are those that set something aside."""
        ids = set(used)
        idle = {waiver.id for waiver in self.applied} - ids
        return Listed(
            used=tuple(sorted(ids)), expired=self.expired, unused=tuple(sorted(idle | {*self.refused}))
        )

    def changes(self, used: Iterable[str]) -> tuple[datetime, ...]:
        """When time alone ends what is used, or begins what is not yet; all after the question."""
        ids = set(used)
        return (*self.starts, *(ends_at(one) for one in self.applied if one.id in ids))


def resolve(
    waivers: Iterable[Waiver], policy: Policy, *, project: str, stage: str, as_of: datetime
) -> Resolved:
    """What `waivers` are worth for `project` entering `stage` at `as_of`; their order does not matter.

    Those for other stages are not listed anywhere.
    """
    applied: list[Waiver] = []
    expired: set[str] = set()
    refused: dict[str, Reason] = {}
    starts: list[datetime] = []
    for waiver in sorted(waivers, key=lambda one: (one.id, one.digest)):
        if not waiver.enters(stage):
            continue
        if as_of >= ends_at(waiver):
            expired.add(waiver.id)
            continue
        why = _refusal(waiver, policy, project)
        if why is None and as_of < utc(waiver.granted_at):
            starts.append(utc(waiver.granted_at))
            why = reason("waiver-not-yet", waiver=waiver.id, time=utc(waiver.granted_at).isoformat())
        if why is None:
            applied.append(waiver)
        else:
            refused[waiver.id] = why
    return Resolved(
        applied=tuple(applied),
        expired=tuple(sorted(expired)),
        refused=dict(sorted(refused.items())),
        starts=tuple(starts),
        findings=_by_finding(applied),
        rules=_by_rule(applied),
    )


def ends_at(waiver: Waiver) -> datetime:
    """The first instant at which it no longer holds, in UTC; a time without a zone is read as UTC."""
    expires_at = utc(waiver.expires_at)
    return expires_at if waiver.revoked_at is None else min(expires_at, utc(waiver.revoked_at))


def covered_by(
    scope: WaiverScope, match: str, kind: Kind, findings: Iterable[Finding]
) -> tuple[Covered, ...]:
    """What a waiver granted now would cover among `findings` of `kind`, sorted; nothing for a rule."""
    found = {
        Covered(kind=kind, fingerprint=finding.fingerprint, severity=finding.severity)
        for finding in findings
        if _matches(scope, match, finding)
    }
    return tuple(sorted(found, key=lambda one: (one.kind, one.fingerprint, -one.severity.rank)))


def _matches(scope: WaiverScope, match: str, finding: Finding) -> bool:
    match scope:
        case WaiverScope.FINDING:
            return finding.fingerprint == match
        case WaiverScope.ADVISORY:
            return match.upper() in (name.upper() for name in finding.advisories)
        case WaiverScope.PACKAGE:
            package = finding.package
            return package is not None and f"{package.ecosystem}/{package.name}".lower() == match.lower()
        case WaiverScope.PATH:
            return finding.location is not None and fnmatchcase(finding.location.path, match)
        case WaiverScope.RULE:
            return False


def _refusal(waiver: Waiver, policy: Policy, project: str) -> Reason | None:
    """Why `waiver` sets nothing aside under this policy; None when it does."""
    limits = policy.waiver_limits
    if waiver.project != project:
        return reason("waiver-of-another-project", waiver=waiver.id, project=waiver.project)
    if waiver.owner == waiver.approver:
        return reason("waiver-by-its-owner", waiver=waiver.id, person=waiver.owner)
    if limits.approved_by_role is not None and limits.approved_by_role not in waiver.approver_roles:
        return reason("waiver-without-role", waiver=waiver.id, role=limits.approved_by_role)
    most = _most_days(waiver, limits)
    if utc(waiver.expires_at) - utc(waiver.granted_at) > timedelta(days=most):
        return reason("waiver-too-long", waiver=waiver.id, days=most)
    if waiver.scope is WaiverScope.RULE:
        return _refusal_of_rule(waiver, policy)
    return None


def _most_days(waiver: Waiver, limits: WaiverLimits) -> int:
    """So many days it may hold: the shortest limit for anything that it covers."""
    of_severities = (
        days
        for severity, days in limits.days_by_severity.items()
        if any(one.severity.at_least(severity) for one in waiver.covered)
    )
    return min([limits.max_days, *of_severities])


def _refusal_of_rule(waiver: Waiver, policy: Policy) -> Reason | None:
    if any(rule.id == waiver.match for rule in policy.expressions):
        # Nothing bounds how wrong it may become; its findings can be waived one by one.
        return reason("waiver-of-expression", waiver=waiver.id, rule=waiver.match)
    if _floor(waiver) is None:
        return reason("waiver-without-floor", waiver=waiver.id, rule=waiver.match)
    return None


def _floor(waiver: Waiver) -> Condition | None:
    try:
        return condition(waiver.accept) if waiver.accept is not None else None
    except ValueError:
        return None


def _by_finding(applied: Iterable[Waiver]) -> dict[Kind, dict[str, tuple[tuple[Severity, str], ...]]]:
    found: dict[Kind, dict[str, tuple[tuple[Severity, str], ...]]] = {}
    for waiver in applied:
        if waiver.scope is WaiverScope.RULE:
            continue
        for one in waiver.covered:
            of_kind = found.setdefault(one.kind, {})
            of_kind[one.fingerprint] = (*of_kind.get(one.fingerprint, ()), (one.severity, waiver.id))
    return found


def _by_rule(applied: Iterable[Waiver]) -> dict[str, tuple[RuleWaiver, ...]]:
    found: dict[str, tuple[RuleWaiver, ...]] = {}
    for waiver in applied:
        floor = _floor(waiver)
        if waiver.scope is WaiverScope.RULE and floor is not None:
            found[waiver.match] = (*found.get(waiver.match, ()), RuleWaiver(waiver=waiver, accept=floor))
    return found
