"""Joining run records to reports, and what becomes evidence."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.evidence import Database, Evidence, Kind, Problem, Producer, State
from gatekeeper.finding import Finding, Package, Severity, Suppression
from gatekeeper.pipeline import Received, ReceivedRecord, evidence_from, joined, resolve_inputs
from gatekeeper.policy.load import load_policy
from gatekeeper.reports.interface import Report
from gatekeeper.reports.normalise import KindUnknown
from gatekeeper.run_record import Ending, Rating, RunRecord
from gatekeeper.subject import Subject

AT = datetime(2026, 11, 23, 2, 50, tzinfo=UTC)
SUBJECT = Subject(project="shop")
POLICY = b"""
schema: gatekeeper/v1
policy: tiny
owner: tests
rules:
  - {id: all-pass, metric: tests.failed, pass: "== 0"}
"""


def report(sha256: str = "a" * 64, job: str = "out/pip-audit.json", **given: object) -> Received:
    """A received SCA report."""
    fields: dict[str, object] = {"format": "pip-audit", "kind": Kind.SCA, "state": State.OK}
    return Received(report=Report(**(fields | given)), sha256=sha256, name="default", job=job)


def record(
    sha256: str | None = "a" * 64, job: str = "out/pip-audit.run.json", **given: object
) -> ReceivedRecord:
    """A received run record of pip-audit."""
    fields: dict[str, object] = {
        "tool": "pip-audit",
        "tool_version": "2.10.1",
        "kind": Kind.SCA,
        "argv": ("pip-audit",),
        "requirements_digest": "sha256:0",
        "rules_digest": None,
        "started_at": AT - timedelta(hours=1),
        "duration_ms": 5,
        "ending": Ending.FINISHED,
        "exit_code": 0,
        "report": "pip-audit.json",
        "report_sha256": sha256,
        "files_seen": 1,
    }
    return ReceivedRecord(record=RunRecord(**(fields | given)), sha256="9" * 64, name="default", job=job)


def evidence(received: Received, order: int = 0) -> Evidence:
    """As the pipeline makes it."""
    return evidence_from(received, subject=SUBJECT, received_at=AT, order=order)


def codes(item: Evidence) -> list[str]:
    """The codes of its problems."""
    return [problem.code for problem in item.document.problems]


def test_a_report_without_a_record_is_what_it_says() -> None:
    """No record is needed: reports of the user's own tools have none."""
    (only,) = joined([report()], [])
    item = evidence(only)
    assert (item.document.state, codes(item), item.kind) == (State.OK, [], Kind.SCA)


def test_a_record_belongs_to_the_report_with_its_bytes() -> None:
    """The record's database, producer and time go into the document of its report."""
    database = Database(digest="sha256:d", records=7, newest_at=AT, is_complete=True)
    (only,) = joined([report()], [record(database=database)])
    document = evidence(only).document
    assert document.state is State.OK
    assert document.database == database
    assert document.producer == Producer(name="pip-audit", version="2.10.1")
    assert document.produced_at == AT - timedelta(hours=1)


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending is not Ending.FINISHED])
def test_a_run_that_did_not_finish_fails_whatever_its_report_says(ending: Ending) -> None:
    """A clean report of a crashed scanner is not clean."""
    (only,) = joined([report()], [record(ending=ending)])
    item = evidence(only)
    assert item.document.state is State.FAILED
    assert "run-failed" in codes(item)


def test_a_record_without_a_report_is_failed_evidence_of_its_kind() -> None:
    """A scanner that did not run is not silence."""
    lone = record(None, ending=Ending.NOT_STARTED, report=None, problems=(Problem(code="cannot-run"),))
    (only,) = joined([], [lone])
    item = evidence(only)
    assert (item.kind, item.document.state, item.sha256) == (Kind.SCA, State.FAILED, "9" * 64)
    assert codes(item) == ["cannot-run", "run-failed"]


def test_a_finished_run_whose_report_is_absent_is_failed() -> None:
    """The record says that there was a report; it was not given."""
    (only,) = joined([], [record()])
    assert (evidence(only).document.state, codes(evidence(only))) == (State.FAILED, ["report-missing"])


def test_a_report_with_other_bytes_than_its_record_says_is_not_joined() -> None:
    """An edited report loses its record, and both say so."""
    edited, lone = joined([report("b" * 64)], [record()])
    assert (evidence(edited).document.state, codes(evidence(edited))) == (
        State.INCOMPLETE,
        ["record-mismatch"],
    )
    assert evidence(edited).document.database is None
    assert (evidence(lone).document.state, codes(evidence(lone))) == (State.FAILED, ["report-missing"])


def test_a_record_of_another_kind_is_not_joined() -> None:
    """A record cannot turn SCA bytes into proof of SAST."""
    sca, lone = joined([report()], [record(kind=Kind.SAST)])
    assert codes(evidence(sca)) == ["record-mismatch"]
    assert (lone.kind, evidence(lone).document.state) == (Kind.SAST, State.FAILED)


def test_problems_of_a_record_make_a_report_incomplete() -> None:
    """What the runner saw counts as if the report had said it."""
    problem = Problem(code="files-not-scanned", params={"files": 3})
    (only,) = joined([report()], [record(problems=(problem,))])
    item = evidence(only)
    assert (item.document.state, item.document.problems) == (State.INCOMPLETE, (problem,))


def test_dependencies_that_the_tool_was_never_given_are_counted() -> None:
    """The report cannot know of them; a rule on `sca.unaudited` must."""
    left_out = record(problems=(Problem(code="unaudited", params={"count": 2, "what": ("django",)}),))
    [received] = joined([report(metrics={"sca.unaudited": 1})], [left_out])
    assert evidence(received).document.metrics == {"sca.unaudited": 3}


def test_an_unreadable_report_takes_its_kind_from_the_record() -> None:
    """It is then evidence that fails the rules of the kind."""
    cut = report(format=None, kind=None, state=State.UNREADABLE, problems=(Problem(code="empty"),))
    (only,) = joined([cut], [record()])
    assert (evidence(only).kind, evidence(only).document.state) == (Kind.SCA, State.UNREADABLE)


def test_a_report_that_nobody_can_place_is_refused() -> None:
    """Evidence without a kind would be missed by no rule."""
    cut = report(format=None, kind=None, state=State.UNREADABLE)
    with pytest.raises(KindUnknown):
        evidence(cut)


def test_equal_bytes_of_two_runs_go_to_the_records_beside_them() -> None:
    """pip-audit writes no time, so two clean runs are equal bytes."""
    reports = [report(job="a/pip-audit.json"), report(job="b/pip-audit.json")]
    records = [
        record(job="a/pip-audit.run.json"),
        record(job="b/pip-audit.run.json", ending=Ending.TIMEOUT),
    ]
    first, second = joined(reports, records)
    assert (evidence(first).document.state, evidence(second).document.state) == (State.OK, State.FAILED)


def test_of_two_records_of_one_report_the_worse_counts() -> None:
    """A second, better record cannot wash a crash away."""
    records = [record(job="x/1.run.json", ending=Ending.CRASHED), record(job="x/2.run.json")]
    for given_records in (records, records[::-1]):
        (only,) = joined([report()], given_records)
        assert evidence(only).document.state is State.FAILED


def test_a_second_record_cannot_wash_away_what_the_first_saw() -> None:
    """Two finished runs, one report: the run whose report is gone is failed evidence."""
    partial = Problem(code="files-not-scanned", params={"files": ("a.py",)})
    records = [record(job="x/1.run.json", problems=(partial,)), record(job="x/2.run.json")]
    for given_records in (records, records[::-1]):
        states = [evidence(item).document.state for item in joined([report()], given_records)]
        assert State.FAILED in states


def test_a_copy_of_a_record_changes_nothing() -> None:
    """The same run told twice, at another time of the same day, is one run."""
    records = [record(job="x/1.run.json"), record(job="x/2.run.json", started_at=AT, duration_ms=9)]
    (only,) = joined([report()], records)
    assert evidence(only).document.state is State.OK


def finding(name: str, severity: Severity = Severity.UNKNOWN, **given: object) -> Finding:
    """A vulnerable dependency."""
    return Finding(
        fingerprint=name,
        tool="pip-audit",
        rule=name,
        severity=severity,
        message=name,
        advisories=(name,),
        package=Package(ecosystem="PyPI", name="lxml"),
        **given,
    )


def test_ratings_give_severities_and_the_counts_follow() -> None:
    """pip-audit leaves severities out; the advisory database has them."""
    metrics = {"sca.total": 2, "sca.unknown": 2, "sca.critical": 0, "sca.high": 0, "sca.medium": 0}
    findings = (
        finding("PYSEC-1"),
        finding("PYSEC-2"),
        finding("PYSEC-1", suppression=Suppression(source="vex")),
    )
    ratings = {"PYSEC-1": Rating(severity=Severity.CRITICAL, cvss="9.8", aliases=("GHSA-1", "CVE-1"))}
    (only,) = joined([report(metrics=metrics, findings=findings)], [record(ratings=ratings)])
    document = evidence(only).document
    assert document.metrics == {
        "sca.total": 2,
        "sca.unknown": 1,
        "sca.critical": 1,
        "sca.high": 0,
        "sca.medium": 0,
    }
    rated = document.findings[0]
    assert (rated.severity, rated.cvss, rated.advisories) == (
        Severity.CRITICAL,
        "9.8",
        ("PYSEC-1", "CVE-1", "GHSA-1"),
    )


def test_a_rating_does_not_soften_what_the_tool_said() -> None:
    """Only what the report leaves out is taken from the database."""
    rated = {"X": Rating(severity=Severity.LOW)}
    given_report = report(metrics={"sca.high": 1, "sca.low": 0}, findings=(finding("X", Severity.HIGH),))
    (only,) = joined([given_report], [record(ratings=rated)])
    assert evidence(only).document.metrics == {"sca.high": 1, "sca.low": 0}


def test_inputs_name_every_feed_and_do_not_depend_on_order() -> None:
    """The same evidence in another order is the same question."""
    database = Database(digest="sha256:d", records=7, newest_at=AT, is_complete=True)
    received = joined([report(), report("c" * 64, "other.json")], [record(database=database)])
    items = [evidence(item, order) for order, item in enumerate(received)]
    policy = load_policy(POLICY, file="tiny.yaml")
    first, second = (
        resolve_inputs(subject=SUBJECT, stage="test", as_of=AT, policy=policy, evidence=given_items)
        for given_items in (items, items[::-1])
    )
    assert first == second
    assert first.feeds == ("sha256:d",)
    assert first.question() == second.question()


_ENDINGS = st.sampled_from(list(Ending))
_SHAS = st.sampled_from(["a" * 64, "b" * 64, "c" * 64])
_PLACES = st.sampled_from(["x", "y", "z"])


@given(
    reports=st.lists(st.tuples(_SHAS, _PLACES), max_size=4, unique_by=lambda pair: pair[1]),
    records=st.lists(
        st.tuples(st.none() | _SHAS, _PLACES, _ENDINGS), max_size=4, unique_by=lambda triple: triple[1]
    ),
)
def test_nothing_that_was_given_is_lost(
    reports: list[tuple[str, str]], records: list[tuple[str | None, str, Ending]]
) -> None:
    """Every report becomes evidence, and a record with a bad ending leaves failed evidence behind."""
    given_reports = [report(sha, f"{place}/pip-audit.json") for sha, place in reports]
    given_records = [
        record(sha, f"{place}/pip-audit.run.json", ending=ending) for sha, place, ending in records
    ]
    received = joined(given_reports, given_records)
    jobs = [item.job for item in received]
    assert set(jobs) >= {item.job for item in given_reports}
    assert len(jobs) == len(set(jobs))
    states = [evidence(item).document.state for item in received]
    if any(ending is not Ending.FINISHED for _, _, ending in records):
        assert State.FAILED in states
