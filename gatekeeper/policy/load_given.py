"""`given:` of a test: what it assumes."""

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from gatekeeper.errors import UnknownMetric
from gatekeeper.evidence import Kind, Problem, State
from gatekeeper.finding import Severity
from gatekeeper.messages.problems import PROBLEMS
from gatekeeper.metrics import FINDING_KINDS
from gatekeeper.metrics import metric as registered
from gatekeeper.policy import spelling
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.example import Given, GivenApproval, GivenEvidence, GivenFinding, GivenWaiver, Met
from gatekeeper.policy.keys_tests import PACKAGE_PATTERN
from gatekeeper.policy.model import Policy
from gatekeeper.policy.section import Section
from gatekeeper.signoff import Verdict
from gatekeeper.waiver import WaiverScope

MAX_LINE = 10_000_000


def read_given(section: Section, policy: Policy, zone: ZoneInfo) -> Given:
    """What the test in `section` assumes."""
    given = section.section("given", "given")
    if given is None:
        return Given()
    baseline = given.section("baseline", "baseline")
    return Given(
        metrics=_metrics(given),
        baseline=None if baseline is None else _metrics(baseline),
        evidence=tuple(_evidences(given)),
        findings=_findings(given),
        approvals=_approvals(given),
        order=_met(given, "order"),
        windows=_met(given, "windows"),
        waivers=tuple(_waivers(given, policy, zone)),
        everything_else=_met(given, "everything_else") or Met.UNMET,
    )


def _met(given: Section, key: str) -> Met | None:
    return given.choice(key, tuple(Met), Met.UNMET) if key in given else None


def _evidences(given: Section) -> Iterator[GivenEvidence]:
    for key, inner in given.named_sections("evidence", "given_evidence"):
        kind, _, name = key.partition("/")
        if kind not in tuple(Kind):
            given.fault("evidence", f"unknown kind of evidence {kind!r}", hint=nearest(kind, Kind))
        else:
            yield _evidence(inner, Kind(kind), name)


def _findings(given: Section) -> tuple[GivenFinding, ...] | None:
    if "findings" not in given:
        return None
    return tuple(_finding(section) for section in given.sections("findings", "given_finding"))


def _finding(section: Section) -> GivenFinding:
    package = section.text("package", "") or None
    if package is not None and not re.fullmatch(PACKAGE_PATTERN, package):
        section.fault("package", f"{package!r} is not a package", hint="write it as pypi/lxml")
    if package is None and "path" not in section:
        section.fault("", "needs `package` or `path`: a finding is somewhere")
    version = section.spelled("version", str, None)
    if version is not None and package is None:
        section.fault("version", "needs `package`")
    if "line" in section and "path" not in section:
        section.fault("line", "needs `path`")
    return GivenFinding(
        kind=section.choice("kind", FINDING_KINDS, Kind.SAST),
        id=section.text("id", "unnamed"),
        severity=section.choice("severity", tuple(Severity), Severity.UNKNOWN),
        package=package,
        version=version,
        is_fixable=section.truth("fixable") is True,
        path=section.text("path", "") or None,
        line=section.integer("line", 1, least=1, most=MAX_LINE) if "line" in section else None,
        is_new=section.truth("new") is not False,
        is_suppressed=section.truth("suppressed") is True,
    )


def _approvals(given: Section) -> tuple[GivenApproval, ...] | None:
    if "approvals" not in given:
        return None
    found: list[GivenApproval] = []
    for section in given.sections("approvals", "given_approval"):
        role = section.name("role", "nobody")
        person = section.text("person", f"somebody-in-{role}-{len(found) + 1}")
        verdict = section.choice("verdict", tuple(Verdict), Verdict.APPROVE)
        found.append(GivenApproval(role=role, person=person, verdict=verdict))
    return tuple(found)


def _waivers(given: Section, policy: Policy, zone: ZoneInfo) -> Iterator[GivenWaiver]:
    seen: set[str] = set()
    for section in given.sections("waivers", "given_waiver"):
        waiver = _waiver(section, policy, zone)
        if waiver is not None:
            if waiver.id in seen:
                section.fault("id", f"{waiver.id!r} is used twice")
            seen.add(waiver.id)
            yield waiver


def _waiver(section: Section, policy: Policy, zone: ZoneInfo) -> GivenWaiver | None:
    scopes = [scope for scope in WaiverScope if scope in section]
    if len(scopes) != 1:
        section.fault("", "needs exactly one of " + ", ".join(f"`{scope}`" for scope in WaiverScope))
        return None
    (scope,) = scopes
    match = section.text(scope, "nothing")
    accept = section.spelled("accept", spelling.condition, None)
    if scope is WaiverScope.RULE:
        rules = {rule.id for rule in policy.rules}
        if match in {rule.id for rule in policy.expressions}:
            section.fault("rule", "an expression has no metric that `accept` could bound")
        elif match not in rules:
            section.fault("rule", f"no rule is called {match!r}", hint=nearest(match, rules))
        if "accept" not in section:
            section.fault("rule", "needs `accept`", hint='what must still hold, such as accept: ">= 70"')
    elif accept is not None:
        section.fault("accept", "belongs to a waiver of a rule")
    return GivenWaiver(
        id=section.text("id", "unnamed"),
        scope=scope,
        match=match,
        accept=None if accept is None else str(accept),
        expires_at=section.spelled(
            "expires", lambda text: spelling.end(text, ends_in=zone), spelling.END_OF_TIME
        ),
    )


def _metrics(section: Section) -> dict[str, str]:
    found = section.spelled_entries("metrics", spelling.decimal)
    for name, value in found.items():
        try:
            registered(spelling.metric_ref(name).metric)
        except (UnknownMetric, ValueError) as exc:
            hint = exc.hint if isinstance(exc, UnknownMetric) else ""
            section.fault("metrics", f"unknown metric {name!r}", hint=hint)
            continue
        if value.startswith("-"):
            section.fault("metrics", f"{name} cannot be {value}: no metric is negative")
    return found


def _evidence(section: Section, kind: Kind, name: str) -> GivenEvidence:
    names = section.texts("names") or ()
    if name and names:
        section.fault("names", f"the key already says that the name is {name!r}")
    problems = []
    for code, value in section.entries("problems").items():
        count = value.content
        if code not in PROBLEMS:
            section.fault("problems", f"unknown problem {code!r}", hint=nearest(code, PROBLEMS))
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            section.fault("problems", f"{code}: write how many, at least 1")
            count = 1
        problems.append(Problem(code=code, params={"count": count}))
    state = section.choice("state", tuple(State), State.OK)
    return GivenEvidence(
        kind=kind,
        names=(name,) if name else names,
        state=state,
        problems=tuple(problems),
        age_s=section.spelled("age", spelling.duration_s, 0),
        db_age_s=section.spelled("db_age", spelling.duration_s, None),
        tool=section.text("tool", "") or None,
    )
