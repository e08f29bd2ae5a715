"""The examples in a policy file, run through the same evaluation as every real question."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from fractions import Fraction

import msgspec

from gatekeeper.canonical import digest, digest_of_bytes
from gatekeeper.decision import Change, Decision, Status
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
from gatekeeper.metrics import METRICS, Unit
from gatekeeper.policy.current import look_at
from gatekeeper.policy.evaluate import decide
from gatekeeper.policy.inputs import inputs_for
from gatekeeper.policy.model import Expected, GivenEvidence, Policy, PolicyTest
from gatekeeper.policy.spelling import decimal, metric_ref
from gatekeeper.subject import Source, Subject

_SUBJECT = Subject(
    project="example", source=Source(tree="0" * 40), artifact=digest_of_bytes(b"the artifact of the example")
)
_LISTS = {
    "failed": (Status.FAIL, Status.ERROR),
    "warned": (Status.WARN,),
    "missing": (Status.MISSING,),
    "skipped": (Status.SKIPPED,),
    "observed": (Status.OBSERVED,),
}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One expectation that was not met."""

    key: str
    expected: str
    actual: str


class TestOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one example ended. It passed when there are no differences."""

    __test__ = False  # pytest takes the name for a test class

    name: str
    line: int
    differences: tuple[Difference, ...]
    decision: Decision

    @property
    def passed(self) -> bool:
        """True when everything was as expected."""
        return not self.differences


def run_tests(policy: Policy) -> tuple[TestOutcome, ...]:
    """Every example of `policy`, in file order."""
    return tuple(_run(test, policy) for test in policy.tests)


def never_failed(policy: Policy) -> tuple[str, ...]:
    """Rules that no example sees failing, sorted: nothing shows that they can stop anything.

    A rule that is not enforced yet counts as failing when it would.
    """
    seen: set[str] = set()
    for outcome in run_tests(policy):
        seen |= {rule.id for rule in outcome.decision.rules if rule.status is Status.FAIL}
        seen |= {change.rule for change in outcome.decision.would_change if _would_fail(change)}
        seen |= {
            rule.id
            for rule in outcome.decision.rules
            if rule.status is Status.OBSERVED
            and rule.message.code in ("fails", "shrunk", "worse-than-baseline")
        }
    return tuple(sorted({rule.id for rule in policy.rules} - seen))


def _would_fail(change: Change) -> bool:
    return change.status is Status.FAIL


def _run(test: PolicyTest, policy: Policy) -> TestOutcome:
    evidence = tuple(_evidence(test, policy))
    baseline = None if test.given.baseline is None else Baseline(evidence=tuple(_before(test, policy)))
    inputs = inputs_for(_SUBJECT, test.stage, policy, evidence, as_of=test.as_of, baseline=baseline)
    decision = decide(
        inputs,
        policy,
        look_at(evidence, policy, _SUBJECT, test.as_of, baseline),
        given=_values(test.given.metrics),
        given_baseline=None if test.given.baseline is None else _values(test.given.baseline),
        gate=False,
    )
    return TestOutcome(
        name=test.name,
        line=test.line,
        differences=tuple(_differences(test.expect, decision)),
        decision=decision,
    )


def _values(metrics: Mapping[str, str]) -> dict[str, Value]:
    return {name: _value(name, Fraction(text)) for name, text in metrics.items()}


def _value(name: str, number: Fraction) -> Value:
    if METRICS[metric_ref(name).metric].unit is Unit.PERCENT:
        return Ratio(number.numerator, number.denominator * 100)
    return number.numerator // number.denominator


def _evidence(test: PolicyTest, policy: Policy) -> Iterator[Evidence]:
    """Fresh and good evidence for each metric that is given, and what `given.evidence` says instead."""
    described = {given.kind for given in test.given.evidence if not given.names}
    named = {(given.kind, name) for given in test.given.evidence for name in given.names}
    implied: set[tuple[Kind, str]] = set()
    for metric in test.given.metrics:
        ref = metric_ref(metric)
        kind = METRICS[ref.metric].kind
        if kind in described or any(kind is k and ref.name is None for k, _ in named):
            continue
        implied |= {(kind, name) for name in ([ref.name] if ref.name else _names(policy, kind))}
    for kind, name in sorted(implied - named):
        yield from _pieces(GivenEvidence(kind=kind, names=(name,), db_age_s=0), name, test, policy)
    for given in test.given.evidence:
        for name in given.names or _names(policy, given.kind):
            if given.names or (given.kind, name) not in named:
                yield from _pieces(given, name, test, policy)


def _names(policy: Policy, kind: Kind) -> tuple[str, ...]:
    return policy.requirement(kind).names or ("default",)


def _before(test: PolicyTest, policy: Policy) -> Iterator[Evidence]:
    """The evidence behind the baseline: one piece per name that its metrics imply."""
    implied: set[tuple[Kind, str]] = set()
    for metric in test.given.baseline or ():
        ref = metric_ref(metric)
        kind = METRICS[ref.metric].kind
        # Without a name of its own the baseline has the names that are there now: nothing is gone.
        now = {item.name for item in _evidence(test, policy) if item.kind is kind}
        implied |= {(kind, name) for name in ({ref.name} if ref.name else now)}
    for kind, name in sorted(implied):
        yield from _pieces(GivenEvidence(kind=kind, names=(name,)), name, test, policy)


def _pieces(given: GivenEvidence, name: str, test: PolicyTest, policy: Policy) -> Iterator[Evidence]:
    """One piece of evidence, or one per tool that the policy demands."""
    for tool in [given.tool] if given.tool else policy.requirement(given.kind).tools or (None,):
        yield _piece(given, name, tool, test)


def _piece(given: GivenEvidence, name: str, tool: str | None, test: PolicyTest) -> Evidence:
    moment = test.as_of - timedelta(seconds=given.age_s)
    document = EvidenceDocument(
        kind=given.kind,
        format=None,
        parser=Producer(name="example"),
        producer=Producer(name=tool) if tool else None,
        produced_at=moment,
        state=given.state,
        problems=given.problems,
        metrics={},
        lines={},
        failures=(),
        findings=(),
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
        provenance=Provenance(method="local", trust=Trust.CLAIMED),
        received_at=moment,
        source=_SUBJECT.source,
        artifact=_SUBJECT.artifact,
        document=document,
    )


def _database(given: GivenEvidence, test: PolicyTest) -> Database | None:
    if given.db_age_s is None:
        return None
    newest = test.as_of - timedelta(seconds=given.db_age_s)
    return Database(digest=digest_of_bytes(b"example"), records=1, newest_at=newest, is_complete=True)


def _differences(expected: Expected, decision: Decision) -> Iterator[Difference]:
    if expected.outcome is not None and expected.outcome is not decision.outcome:
        yield Difference(key="outcome", expected=expected.outcome, actual=decision.outcome)
    if expected.allowed is not None and expected.allowed is not decision.allowed:
        yield Difference(
            key="allowed", expected=str(expected.allowed).lower(), actual=str(decision.allowed).lower()
        )
    score = None if decision.score is None else decimal(decision.score)
    if expected.score is not None and expected.score != score:
        yield Difference(key="score", expected=expected.score, actual=decision.score or "none")
    for key, statuses in _LISTS.items():
        wanted: tuple[str, ...] | None = getattr(expected, key)
        if wanted is None:
            continue
        found = {rule.id for rule in decision.rules if rule.status in statuses}
        if not any(name.startswith("evidence.") for name in wanted):
            found = {name for name in found if not name.startswith("evidence.")}
        if found != set(wanted):
            yield Difference(key=key, expected=_listed(wanted), actual=_listed(found))


def _listed(names: "tuple[str, ...] | set[str]") -> str:
    return ", ".join(sorted(names)) or "none"
