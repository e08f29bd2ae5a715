"""Decisions and evidence made by hand: what the views are tested with."""

from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.decision import (
    Approvals,
    Change,
    Decision,
    Digests,
    EvidenceUse,
    Missing,
    Mode,
    Outcome,
    PolicyRef,
    Reason,
    Remedy,
    RuleResult,
    Status,
    Waivers,
)
from gatekeeper.evidence import (
    Evidence,
    EvidenceDocument,
    Kind,
    Problem,
    Producer,
    Provenance,
    State,
    Trust,
    Use,
)
from gatekeeper.finding import Finding, Location, Severity
from gatekeeper.subject import Source, Subject

AT = datetime(2026, 11, 23, 2, 50, tzinfo=UTC)
SAST_DIGEST = "sha256:" + "5a" * 32
TESTS_DIGEST = "sha256:" + "7e" * 32
HOSTILE = "evil\x1b[31m <script>alert(1)</script> | @all `x` \u202e]]>"


def rule(name: str, status: Status, mode: Mode = Mode.BLOCK, **given: object) -> RuleResult:
    """A rule result with as few words as a test needs."""
    fields: dict[str, object] = {
        "title": "",
        "severity": None,
        "metric": None,
        "actual": None,
        "threshold": None,
        "warn": None,
        "points": None,
        "weight": None,
        "evidence": (),
        "message": Reason(code="x"),
        "remedy": None,
    }
    return RuleResult(id=name, status=status, mode=mode, **(fields | given))


RULES = (
    rule("tests-pass", Status.PASS, metric="tests.failed", actual="0", threshold="== 0"),
    rule(
        "sast-high",
        Status.FAIL,
        title="No high finding in our code",
        severity="blocker",
        metric="sast.high",
        actual="2",
        threshold="== 0",
        evidence=(SAST_DIGEST,),
        message=Reason(code="threshold", text="2 open findings of severity high"),
        remedy=Remedy(code="fix-findings", text="fix app/pay.py:21 and app/refund.py:13"),
    ),
    rule(
        "cov-line",
        Status.MISSING,
        Mode.SCORE,
        title="Line coverage of the whole project",
        metric="coverage.line",
        threshold=">= 80",
        points="0",
        weight=2,
        message=Reason(code="missing", text="no coverage report was given"),
        remedy=Remedy(code="supply", text="run the tests with coverage and give coverage.xml"),
    ),
    rule(
        "tests-skipped",
        Status.WARN,
        Mode.SCORE,
        metric="tests.skipped",
        actual="4",
        threshold="== 0",
        weight=1,
    ),
    rule("tests-flaky", Status.OBSERVED, Mode.OBSERVE, metric="tests.flaky", actual="1", threshold="== 0"),
    rule("cov-new", Status.SKIPPED, metric="coverage.branch", threshold=">= 80"),
)

FINDING = Finding(
    fingerprint="f1",
    tool="bandit",
    rule="B602",
    severity=Severity.HIGH,
    message=HOSTILE,
    location=Location(path="app/pay me.py", line=21, column=3),
    cwe=(78,),
)

DOCUMENT = EvidenceDocument(
    kind=Kind.SAST,
    format="bandit",
    parser=Producer(name="gatekeeper", version="0.1.0"),
    producer=Producer(name="bandit", version="1.9.4"),
    produced_at=AT,
    state=State.INCOMPLETE,
    problems=(Problem(code="empty"),),
    metrics={"sast.high": 1, "sast.total": 1},
    lines={},
    failures=(),
    findings=(FINDING,),
    database=None,
)

SUBJECT = Subject(
    project="pay/api", source=Source(tree="1" * 40, commit="a1b2c3d4e5f6" + "0" * 28), ref="main"
)


def piece(document: EvidenceDocument = DOCUMENT, digest: str = SAST_DIGEST) -> Evidence:
    """Evidence around `document`."""
    return Evidence(
        id="ev_1",
        kind=document.kind,
        name="default",
        job="reports/bandit.json",
        order=1,
        sha256="ab" * 32,
        digest=digest,
        provenance=Provenance(method="local", trust=Trust.CLAIMED),
        received_at=AT,
        source=SUBJECT.source,
        artifact=None,
        document=document,
    )


def use(item: Evidence, **given: object) -> EvidenceUse:
    """How a decision shows `item`."""
    fields: dict[str, object] = {
        "id": item.id,
        "kind": item.kind,
        "name": item.name,
        "job": item.job,
        "format": item.document.format,
        "state": item.document.state,
        "use": Use.USED,
        "trust": item.provenance.trust,
        "sha256": item.sha256,
        "digest": item.digest,
        "received_at": item.received_at,
        "produced_at": item.document.produced_at,
        "problems": item.document.problems,
        "tolerated": ("empty",),
    }
    return EvidenceUse(**(fields | given))


@pytest.fixture(autouse=True)
def width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """One width for all tests, whatever window they are started from: narrow ones wrap long words."""
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def hostile() -> str:
    """Text that a terminal, a browser, a table or an XML file would obey."""
    return HOSTILE


@pytest.fixture
def evidence() -> tuple[Evidence, ...]:
    """One SAST report with one hostile finding."""
    return (piece(),)


@pytest.fixture
def failing(evidence: tuple[Evidence, ...]) -> Decision:
    """A `fail` with a rule of every status and mode that a view has to show."""
    return Decision(
        id="dec_1",
        outcome=Outcome.FAIL,
        allowed=False,
        gate=False,
        score="50.00",
        score_arithmetic="1.5 of 3 points",
        question="sha256:" + "0a" * 32,
        subject=SUBJECT,
        stage="uat",
        path="standard",
        policy=PolicyRef(name="base", version=None, digest="sha256:" + "0b" * 32),
        as_of=AT,
        valid_until=AT + timedelta(hours=24),
        reasons=(Reason(code="score-too-low", text="the score is 50.00, uat needs 90"),),
        rules=RULES,
        evidence=tuple(use(item) for item in evidence),
        missing=(
            Missing(
                kind=Kind.COVERAGE,
                name=None,
                reason=Reason(code="missing", text="uat demands coverage, none was given"),
            ),
        ),
        waivers=Waivers(),
        approvals=Approvals(),
        obligations=(),
        override=None,
        would_change=(
            Change(rule="tests-flaky", at=AT + timedelta(days=30), status=Status.FAIL, mode=Mode.BLOCK),
        ),
        digests=Digests(inputs="sha256:" + "0c" * 32, outputs="sha256:" + "0d" * 32),
    )
