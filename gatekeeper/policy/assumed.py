"""What an example of a policy file assumes, as evidence, waivers and records like those of a real question.

Everything is the good case where the example says nothing: fresh evidence of each demanded name, from senders
that every policy believes, about one source and artifact. Author, committer and deployer of the change are
persons of these names, and a waiver is owned by `owner`, so that an example can let one of them sign.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from fractions import Fraction

from gatekeeper.canonical import digest, digest_of_bytes
from gatekeeper.decision import People
from gatekeeper.evidence import (
    Baseline,
    Database,
    Evidence,
    EvidenceDocument,
    Kind,
    Producer,
    Provenance,
    Ratio,
    Trust,
    Value,
)
from gatekeeper.finding import Finding, Location, Package, Suppression
from gatekeeper.metrics import FINDING_KINDS, METRICS, Unit
from gatekeeper.policy.example import GivenEvidence, GivenFinding, PolicyTest
from gatekeeper.policy.model import Policy
from gatekeeper.policy.spelling import metric_ref
from gatekeeper.subject import Source, Subject

SUBJECT = Subject(
    project="example", source=Source(tree="0" * 40), artifact=digest_of_bytes(b"the artifact of the example")
)
PEOPLE = People(author="author", committer="committer", deployer="deployer")
_SENDER = Provenance(method="local", trust=Trust.OBSERVED, ref_protected=True)


def values(metrics: Mapping[str, str]) -> dict[str, Value]:
    """Decimals of an example as the values of metrics, by written name."""
    return {name: _value(name, Fraction(text)) for name, text in metrics.items()}


def evidence_of(test: PolicyTest, policy: Policy) -> tuple[Evidence, ...]:
    """Fresh and good evidence for each metric and finding, and what `given.evidence` says instead."""
    return tuple(_evidence(test, policy))


def baseline_of(test: PolicyTest, policy: Policy) -> Baseline | None:
    """What was there before: the given metrics, and the findings that are not new; None without either."""
    known = [one for one in test.given.findings or () if not one.is_new]
    if test.given.baseline is None and not known:
        return None
    return Baseline(evidence=tuple(_before(test, policy)))


def as_finding(given: GivenFinding) -> Finding:
    """The finding; another place, id or package is another finding."""
    package = None
    if given.package is not None:
        ecosystem, _, name = given.package.partition("/")
        fixed = (f"{given.version or '1'}.1",) if given.is_fixable else ()
        package = Package(ecosystem=ecosystem, name=name, version=given.version, fixed_versions=fixed)
    return Finding(
        fingerprint=digest([given.kind, given.id, given.package, given.path, given.line]),
        tool="example",
        rule=given.id,
        severity=given.severity,
        message=given.id,
        location=Location(path=given.path, line=given.line) if given.path is not None else None,
        advisories=(given.id,) if package is not None else (),
        package=package,
        suppression=Suppression(source="inline") if given.is_suppressed else None,
    )


def _value(name: str, number: Fraction) -> Value:
    if METRICS[metric_ref(name).metric].unit is Unit.PERCENT:
        return Ratio(number.numerator, number.denominator * 100)
    return number.numerator // number.denominator


def _evidence(test: PolicyTest, policy: Policy) -> Iterator[Evidence]:
    described = {given.kind for given in test.given.evidence if not given.names}
    named = {(given.kind, name) for given in test.given.evidence for name in given.names}
    implied: set[tuple[Kind, str]] = set()
    for kind, name in _implied(test, policy):
        if kind in described or any(kind is k and name is None for k, _ in named):
            continue
        implied |= {(kind, one) for one in ([name] if name else _names(policy, kind))}
    for kind, name in sorted(implied - named):
        yield from _pieces(GivenEvidence(kind=kind, names=(name,), db_age_s=0), name, test, policy)
    for given in test.given.evidence:
        for name in given.names or _names(policy, given.kind):
            if given.names or (given.kind, name) not in named:
                yield from _pieces(given, name, test, policy)


def _implied(test: PolicyTest, policy: Policy) -> Iterator[tuple[Kind, str | None]]:
    """Kinds, or names of a kind, that the metrics and findings speak of."""
    for metric in test.given.metrics:
        ref = metric_ref(metric)
        yield METRICS[ref.metric].kind, ref.name
    for kind in sorted(_scanned(test, policy)):
        yield kind, None


def _scanned(test: PolicyTest, policy: Policy) -> set[Kind]:
    """The kinds whose findings are given; an empty list says that every scan of the policy found nothing."""
    if test.given.findings is None:
        return set()
    if test.given.findings:
        return {one.kind for one in test.given.findings}
    read = {requirement.kind for requirement in policy.evidence}
    read |= {METRICS[rule.metric.metric].kind for rule in policy.rules}
    for rule in policy.expressions:
        for need in rule.expression.needs:
            if need.findings is not None:
                read.add(need.findings)
            elif need.metric is not None:
                read.add(METRICS[need.metric.metric].kind)
    return read & set(FINDING_KINDS)


def _names(policy: Policy, kind: Kind) -> tuple[str, ...]:
    return policy.requirement(kind).names or ("default",)


def _before(test: PolicyTest, policy: Policy) -> Iterator[Evidence]:
    """The evidence behind the baseline: one piece per name that its metrics and findings imply."""
    implied: set[tuple[Kind, str]] = set()
    current = [(item.kind, item.name) for item in _evidence(test, policy)]
    refs = [metric_ref(metric) for metric in test.given.baseline or ()]
    wanted: list[tuple[Kind, str | None]] = [(METRICS[ref.metric].kind, ref.name) for ref in refs]
    wanted += [(kind, None) for kind in _scanned(test, policy)]
    for kind, name in wanted:
        # Without a name of its own the baseline has the names that are there now: nothing is gone.
        now = {one for found, one in current if found is kind}
        implied |= {(kind, one) for one in ({name} if name else now)}
    for kind, name in sorted(implied):
        given = GivenEvidence(kind=kind, names=(name,))
        yield from _pieces(given, name, test, policy, is_before=True)


def _pieces(
    given: GivenEvidence, name: str, test: PolicyTest, policy: Policy, *, is_before: bool = False
) -> Iterator[Evidence]:
    """One piece of evidence, or one per tool that the policy demands."""
    for tool in [given.tool] if given.tool else policy.requirement(given.kind).tools or (None,):
        yield _piece(given, name, tool, test, is_before=is_before)


def _piece(
    given: GivenEvidence, name: str, tool: str | None, test: PolicyTest, *, is_before: bool
) -> Evidence:
    moment = test.as_of - timedelta(seconds=given.age_s)
    findings = _findings(given.kind, test, is_before=is_before)
    document = EvidenceDocument(
        kind=given.kind,
        format=None,
        parser=Producer(name="example"),
        producer=Producer(name=tool) if tool else None,
        produced_at=moment,
        state=given.state,
        problems=given.problems,
        metrics=_counted(given.kind, findings),
        lines={},
        failures=(),
        findings=findings or (),
        database=_database(given, test),
    )
    content = digest(document)
    return Evidence(
        id=f"{given.kind}/{name}",
        kind=given.kind,
        name=name,
        job=tool or "",
        order=1,
        sha256=digest_of_bytes(f"{given.kind}/{name}/{tool}".encode()),
        digest=content,
        provenance=_SENDER,
        received_at=moment,
        source=SUBJECT.source,
        artifact=SUBJECT.artifact,
        document=document,
    )


def _findings(kind: Kind, test: PolicyTest, *, is_before: bool) -> tuple[Finding, ...] | None:
    """The findings of `kind`, sorted; None when the example does not give any list of them."""
    given = test.given.findings
    if given is None or kind not in FINDING_KINDS or (given and all(one.kind is not kind for one in given)):
        return None
    found = {as_finding(one) for one in given if one.kind is kind and not (is_before and one.is_new)}
    return tuple(sorted(found, key=lambda finding: (finding.fingerprint, finding.severity)))


def _counted(kind: Kind, findings: tuple[Finding, ...] | None) -> dict[str, Value]:
    if findings is None:
        return {}
    return {f"{kind}.total": sum(1 for one in findings if one.is_open), f"{kind}.unparsed": 0}


def _database(given: GivenEvidence, test: PolicyTest) -> Database | None:
    if given.db_age_s is None:
        return None
    newest = test.as_of - timedelta(seconds=given.db_age_s)
    return Database(digest=digest_of_bytes(b"example"), records=1, newest_at=newest, is_complete=True)
