"""How long the rules of a large policy take: 200 rules, one in ten of them in CEL, over 5,000 findings."""

import gc
import json
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from gatekeeper.canonical import digest, digest_of_bytes
from gatekeeper.decision import Outcome
from gatekeeper.evidence import Evidence, EvidenceDocument, Kind, Producer, Provenance, State, Trust
from gatekeeper.finding import Finding, Location, Package, Severity
from gatekeeper.policy.book import FactBook
from gatekeeper.policy.current import look_at
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.inputs import inputs_for
from gatekeeper.policy.judge import judge
from gatekeeper.policy.judge_expression import judge_expression
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.model import Policy
from gatekeeper.subject import Source, Subject

RULES, EXPRESSIONS, FINDINGS = 200, 20, 5_000
MOST_S = 0.010
"""Goal: from united facts to the results of all rules."""

_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
_SUBJECT = Subject(project="bench/rules", source=Source(tree="1" * 40), artifact=digest_of_bytes(b"bench"))
_SEVERITIES = (Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO)
_METRICS = ("total", "critical", "high", "medium", "low", "info", "new.total", "new.high", "suppressed")
_CONDITIONS = (
    '{kind}.findings.all(f, !(f.severity == "critical" && f.fixable))',
    '!{kind}.findings.exists(f, f.new && f.severity == "critical")',
    '{kind}.findings.all(f, f.severity in ["high", "medium", "low", "info"] || f.tool == "bench")',
    "{kind}.critical == 0 || {kind}.findings.all(f, f.fixable)",
    '{kind}.findings.filter(f, f.severity == "high").size() <= 2000',
)


def rules(rounds: int) -> tuple[Mapping[str, float], list[str]]:
    """Median CPU seconds of each part, and what missed its goal."""
    policy, evidence = _policy(), (_evidence(Kind.SCA), _evidence(Kind.SAST))
    inputs = inputs_for(_SUBJECT, "develop", policy, evidence, as_of=_AT)
    decision = evaluate(inputs, policy, evidence)  # the first one compiles the expressions
    if decision.outcome is not Outcome.PASS or len(decision.rules) < RULES:
        raise AssertionError(f"the rules of the benchmark do not pass: {decision.outcome}")
    material = look_at(evidence, policy, _SUBJECT, _AT, None, inputs.sets)

    def fresh() -> FactBook:
        book = FactBook(material, policy, "develop")
        for kind in (Kind.SCA, Kind.SAST):
            book.facts(kind)
        return book

    figures = {
        "all rules over united facts": _median(rounds, fresh, lambda book: _judge(policy, book)),
        "the whole decision, uniting and digests included": _median(
            rounds, lambda: None, lambda _: evaluate(inputs, policy, evidence)
        ),
    }
    taken = figures["all rules over united facts"]
    missed = [f"rules: {taken * 1e3:.1f} ms, goal {MOST_S * 1e3:.0f} ms"] if taken > MOST_S else []
    return figures, missed


def _judge(policy: Policy, book: FactBook) -> None:
    for rule in policy.rules:
        bounds = policy.bounds_at(rule, "develop")
        if bounds is not None:
            judge(rule, bounds, book, _AT)
    for rule in policy.expressions:
        judge_expression(rule, book, _AT)


def _median(rounds: int, prepare: Callable[[], Any], run: Callable[[Any], object]) -> float:
    taken = []
    for _ in range(max(11, rounds)):
        ready = prepare()
        gc.collect()
        began = time.process_time()
        run(ready)
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def _policy() -> Policy:
    found = [
        {"id": f"m{i}", "metric": f"{kind}.{_METRICS[i % len(_METRICS)]}", "pass": f"<= {9_000 + i}"}
        for i, kind in enumerate(("sca", "sast") * ((RULES - EXPRESSIONS) // 2))
    ]
    for i in range(EXPRESSIONS):
        kind, source = ("sca", "sast")[i % 2], _CONDITIONS[i // 2 % len(_CONDITIONS)]
        needs = [f"{kind}.findings"] + ([f"{kind}.critical"] if ".critical" in source else [])
        rule = {"id": f"e{i}", "expr": source.format(kind=kind), "needs": needs, "message": "bench"}
        found.append(rule)
    head = {"schema": "gatekeeper/v1", "policy": "bench", "owner": "bench", "stages": ["develop"]}
    return load_policy(json.dumps(head | {"rules": found}).encode(), file="bench.json")


def _evidence(kind: Kind) -> Evidence:
    findings = tuple(_finding(kind, i) for i in range(FINDINGS // 2))
    counts = {f"{kind}.{s}": sum(1 for f in findings if f.severity is s) for s in Severity}
    document = EvidenceDocument(
        kind=kind,
        format=None,
        parser=Producer(name="bench"),
        producer=Producer(name="bench"),
        produced_at=_AT,
        state=State.OK,
        problems=(),
        metrics=counts | {f"{kind}.total": len(findings)},
        lines={},
        failures=(),
        findings=findings,
        database=None,
    )
    return Evidence(
        id=str(kind),
        kind=kind,
        name="default",
        job="",
        order=1,
        sha256=digest_of_bytes(kind.encode()),
        digest=digest(document),
        provenance=Provenance(method="local", trust=Trust.CLAIMED),
        received_at=_AT,
        source=_SUBJECT.source,
        artifact=_SUBJECT.artifact,
        document=document,
    )


def _finding(kind: Kind, number: int) -> Finding:
    package = None
    if kind is Kind.SCA:
        fixed = (f"{number}.1",) if number % 3 else ()
        package = Package(ecosystem="PyPI", name=f"p{number % 300}", version="1.0", fixed_versions=fixed)
    return Finding(
        fingerprint=f"{kind}-{number:05}",
        tool="bench",
        rule=f"R{number % 90}",
        severity=_SEVERITIES[number % len(_SEVERITIES)],
        message="a finding of the benchmark",
        location=None if package else Location(path=f"app/f{number % 200}.py", line=number),
        cwe=(number % 400,),
        advisories=(f"CVE-2026-{number}",) if package else (),
        package=package,
    )
