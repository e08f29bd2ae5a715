"""What must hold for all evidence: worse never passes, and order does not matter."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.decision import as_json
from gatekeeper.evidence import (
    Database,
    Evidence,
    EvidenceDocument,
    Kind,
    Lines,
    Problem,
    Producer,
    Ratio,
    State,
)
from gatekeeper.finding import Finding, Location, Package, Severity
from gatekeeper.metrics import METRICS

POLICY = """
- {id: t, metric: tests.failed, pass: "== 0", warn: "<= 1"}
- {id: n, metric: tests.total, no_worse_than: {by: 20%}}
- {id: c, metric: coverage.line, pass: ">= 80", warn: ">= 70", mode: score, weight: 2}
- {id: s, metric: sast.total, pass: "<= 1", mode: score}
- {id: sc, metric: sast.critical, pass: "== 0"}
- {id: sn, metric: sast.new.total, pass: "<= 2", mode: warn}
- {id: d, metric: sca.total, pass: "<= 2"}
- {id: o, metric: sca.medium, pass: "== 0", mode: observe}
"""
TOP = "stages: [develop]\nscore: {pass: 90, warn: 60}\nevidence: {tests: {names: [e2e, unit], max_age: 48h}}"
RANK = {"pass": 0, "warn": 1, "fail": 2}

found = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(list(Severity))), max_size=3)
world = st.fixed_dictionaries(
    {
        "failed": st.integers(0, 2),
        "total": st.integers(3, 6),
        "covered": st.integers(60, 100),
        "sast": found,
        "sca": found,
        "age": st.integers(0, 30),
    }
)


def evidence_of(make, w, *, extra=None, older=0):
    """Five reports; `extra` is one more finding, `older` hours are added to every age."""
    how = {"age": timedelta(hours=w["age"] + older)}
    findings = {
        kind: [make.finding(f + str(i), s) for i, (f, s) in enumerate(w[kind])] for kind in ("sast", "sca")
    }
    if extra is not None:
        kind, severity = extra
        findings[kind].append(make.finding("extra", severity))
    return [
        make.evidence("tests", {"tests.failed": w["failed"], "tests.total": w["total"]}, **how),
        make.evidence("tests", {"tests.failed": 0, "tests.total": 3}, name="e2e", **how),
        make.evidence("coverage", {"coverage.line": Ratio(w["covered"], 100)}, **how),
        make.evidence("sast", findings=findings["sast"], **how),
        make.evidence("sca", findings=findings["sca"], **how),
    ]


def baseline_of(make):
    """What was there before."""
    return evidence_of(
        make, {"failed": 0, "total": 4, "covered": 90, "sast": [("a", "low")], "sca": [], "age": 0}
    )


@pytest.fixture(scope="session")
def policy(make):
    """Rules of every mode."""
    return make.policy(POLICY, TOP)


@given(world, st.tuples(st.sampled_from(["sast", "sca"]), st.sampled_from(list(Severity))))
def test_adding_a_finding_never_makes_it_better(make, policy, w, extra):
    """A build with one finding more is judged the same or worse."""
    baseline = baseline_of(make)
    before = make.decide(policy, *evidence_of(make, w), baseline=baseline)
    after = make.decide(policy, *evidence_of(make, w, extra=extra), baseline=baseline)
    assert RANK[after.outcome] >= RANK[before.outcome]


@given(world, st.sets(st.integers(0, 4), min_size=1))
def test_dropping_a_report_never_makes_it_better(make, policy, w, dropped):
    """A build that hides a report is judged the same or worse."""
    baseline, evidence = baseline_of(make), evidence_of(make, w)
    before = make.decide(policy, *evidence, baseline=baseline)
    kept = [item for i, item in enumerate(evidence) if i not in dropped]
    after = make.decide(policy, *kept, baseline=baseline)
    assert RANK[after.outcome] >= RANK[before.outcome]
    assert after.outcome == "fail"


@given(world, st.integers(1, 60))
def test_ageing_never_makes_it_better(make, policy, w, hours):
    """The same reports, older, are judged the same or worse."""
    baseline = baseline_of(make)
    before = make.decide(policy, *evidence_of(make, w), baseline=baseline)
    after = make.decide(policy, *evidence_of(make, w, older=hours), baseline=baseline)
    assert RANK[after.outcome] >= RANK[before.outcome]


@given(world, st.integers(1, 3))
def test_a_red_report_more_never_makes_it_better(make, policy, w, failed):
    """Uniting with a report that has failures is judged the same or worse."""
    baseline, evidence = baseline_of(make), evidence_of(make, w)
    before = make.decide(policy, *evidence, baseline=baseline)
    red = make.evidence("tests", {"tests.failed": failed, "tests.total": failed}, job="other", order=9)
    after = make.decide(policy, *evidence, red, baseline=baseline)
    assert RANK[after.outcome] >= RANK[before.outcome]


@given(world, st.randoms())
def test_the_order_of_evidence_does_not_matter(make, policy, w, random):
    """Whatever order things arrive in, the whole decision is the same, byte by byte."""
    baseline, evidence = baseline_of(make), evidence_of(make, w)
    one = make.decide(policy, *evidence, baseline=baseline)
    random.shuffle(evidence)
    random.shuffle(baseline)
    assert as_json(make.decide(policy, *evidence, baseline=baseline)) == as_json(one)


@given(world, st.permutations(POLICY.strip().splitlines()))
def test_the_order_of_rules_does_not_matter(make, policy, w, lines):
    """A file with its rules in another order has the same digest and gives the same outputs."""
    other = make.policy("\n".join(lines), TOP)
    one, two = (make.decide(p, *evidence_of(make, w), baseline=baseline_of(make)) for p in (policy, other))
    assert one.policy.digest == two.policy.digest
    assert (one.id, one.digests) == (two.id, two.digests)


@given(world)
def test_every_answer_is_complete(make, policy, w):
    """A fail has a cause that is named, and `allowed` follows from the outcome alone."""
    decision = make.decide(policy, *evidence_of(make, w), baseline=baseline_of(make))
    assert decision.allowed == (decision.outcome != "fail")
    assert decision.valid_until > decision.as_of
    bad = [r for r in decision.rules if r.status in ("fail", "missing", "error")]
    if decision.outcome == "fail":
        assert bad or decision.reasons
    assert all(r.message.text and r.message.code != r.message.text for r in decision.rules)


aware = st.datetimes(timezones=st.just(UTC))
moment = st.one_of(aware, st.datetimes())
word = st.sampled_from(["", "a", "1.0", "\u00fc/\u4e2d.py", "\x00"])
finding = st.builds(
    Finding,
    fingerprint=word,
    tool=word,
    rule=word,
    severity=st.sampled_from(list(Severity)),
    message=word,
    location=st.one_of(st.none(), st.builds(Location, path=word)),
    cwe=st.just(()),
    cvss=st.none(),
    advisories=st.just(()),
    package=st.one_of(
        st.none(),
        st.builds(Package, ecosystem=word, name=word, version=word, fixed_versions=st.lists(word).map(tuple)),
    ),
    suppression=st.none(),
)
problem = st.builds(
    Problem, code=word, params=st.dictionaries(word, st.one_of(st.integers(-3, 3), word), max_size=2)
)
number = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1), st.builds(Ratio, st.integers(0, 9), st.integers(1, 9))
)
lines = st.builds(
    Lines, hit=st.sampled_from(["", "1-3", "3-1", "x", "1,1"]), miss=st.sampled_from(["", "2", "-"])
)
database = st.builds(
    Database,
    digest=word,
    records=st.just(0),
    newest_at=st.one_of(st.none(), moment),
    is_complete=st.booleans(),
)
document = st.builds(
    EvidenceDocument,
    kind=st.sampled_from([Kind.TESTS, Kind.COVERAGE, Kind.SAST, Kind.SCA]),
    format=st.none(),
    parser=st.just(Producer(name="gatekeeper")),
    producer=st.none(),
    produced_at=st.one_of(st.none(), moment),
    state=st.sampled_from(list(State)),
    problems=st.lists(problem, max_size=2).map(tuple),
    metrics=st.dictionaries(st.sampled_from(sorted(METRICS)[::3]), number),
    lines=st.dictionaries(word, lines),
    failures=st.just(()),
    findings=st.lists(finding, max_size=3).map(tuple),
    database=st.one_of(st.none(), database),
)
name = st.sampled_from(["unit", "e2e", ""])


@given(st.lists(st.tuples(document, moment, name, st.integers(0, 2)), max_size=4), moment)
def test_there_is_always_an_answer(make, policy, items, as_of):
    """Whatever reports hold, and whenever they say they were made, a decision comes out."""
    evidence: list[Evidence] = []
    for i, (doc, received, called, order) in enumerate(items):
        base = make.evidence(doc.kind, name=called, order=order, sha=f"sha256:{i:064x}")
        evidence.append(msgspec.structs.replace(base, document=doc, received_at=received))
    decision = make.decide(policy, *evidence, as_of=as_of, baseline=evidence[:1])
    assert decision.outcome == "fail"


def test_the_ends_of_the_calendar(make, policy):
    """Times at both ends of what a datetime can hold do not stop the answer."""
    for edge in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)):
        evidence = [msgspec.structs.replace(e, received_at=edge) for e in baseline_of(make)]
        assert not make.decide(policy, *evidence, as_of=make.as_of).allowed
        assert not make.decide(policy, as_of=edge).allowed
