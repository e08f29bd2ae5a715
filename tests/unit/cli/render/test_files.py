"""The views that other programs read: valid, deterministic, and read back by our own readers."""

import io
import json
from xml.etree import ElementTree

import msgspec
import pytest

from gatekeeper.cli.render import gitlab_codequality, junit, sarif
from gatekeeper.decision import Decision, Mode, Outcome, Status
from gatekeeper.evidence import Evidence, Kind, State
from gatekeeper.finding import Severity
from gatekeeper.reports.interface import Report
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.registry import read_report
from gatekeeper.reports.source import ReportSource


def read_back(text: str, name: str, kind: Kind | None = None) -> Report:
    """The view, read as the format that it is in; by content, an answer is refused."""
    source = ReportSource(io.BytesIO(text.encode()), name=name, limits=DEFAULT_LIMITS)
    return read_report(source, format_name="sarif" if name.endswith("sarif") else "junit", kind=kind)


def allowed(decision: Decision) -> Decision:
    """The same rules in a decision that is allowed."""
    return msgspec.structs.replace(decision, outcome=Outcome.WARN, allowed=True, reasons=(), missing=())


def test_junit_counts_what_stops_the_decision(failing: Decision, evidence: tuple[Evidence, ...]) -> None:
    """Reasons, missing evidence and failing rules are failures, observed and skipped rules are skipped."""
    report = read_back(junit.render(failing, evidence), "gate.xml")
    assert report.state is State.OK
    assert {name: report.metrics[f"tests.{name}"] for name in ("total", "failed", "errors", "skipped")} == {
        "total": 8,
        "failed": 4,
        "errors": 0,
        "skipped": 2,
    }


def test_junit_of_an_allowed_decision_has_no_failure(failing: Decision) -> None:
    """A CI server must not colour an allowed build red."""
    report = read_back(junit.render(allowed(failing)), "gate.xml")
    assert (report.metrics["tests.failed"], report.metrics["tests.errors"]) == (0, 0)


def test_junit_of_a_fail_without_failing_rules_still_fails(failing: Decision) -> None:
    """Whatever stopped it, the file is not green."""
    decision = msgspec.structs.replace(failing, rules=(), reasons=(), missing=())
    report = read_back(junit.render(decision), "gate.xml")
    assert report.metrics["tests.failed"] == 1


def test_junit_is_valid_xml_with_hostile_text(failing: Decision, hostile: str) -> None:
    """Control characters and markup in titles neither break nor extend the document."""
    rules = tuple(msgspec.structs.replace(rule, title=hostile) for rule in failing.rules)
    text = junit.render(msgspec.structs.replace(failing, rules=rules))
    root = ElementTree.fromstring(text)  # noqa: S314 - written by ourselves a line above
    assert {element.tag for element in root.iter()} == {
        "testsuites", "testsuite", "properties", "property", "testcase", "failure", "skipped", "system-out",
    }  # fmt: skip


def test_sarif_reads_back_with_the_open_findings(failing: Decision, evidence: tuple[Evidence, ...]) -> None:
    """Our reader finds the failing rules, the reasons and the finding with its place and severity."""
    report = read_back(sarif.render(failing, evidence), "gate.sarif", Kind.SAST)
    assert report.state is not State.UNREADABLE
    by_rule = {finding.rule: finding for finding in report.findings}
    assert set(by_rule) == {
        "bandit/B602",
        "gatekeeper/decision/score-too-low",
        "gatekeeper/evidence/coverage/missing",
        "gatekeeper/rule/cov-line",
        "gatekeeper/rule/sast-high",
    }
    found = by_rule["bandit/B602"]
    assert found.severity is Severity.HIGH
    assert found.location is not None
    assert (found.location.path, found.location.line) == ("app/pay me.py", 21)


def test_every_sarif_result_has_a_place_and_a_fingerprint(
    failing: Decision, evidence: tuple[Evidence, ...]
) -> None:
    """Viewers refuse a whole log for one result without a location."""
    (run,) = json.loads(sarif.render(failing, evidence))["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == sorted(set(rules))
    for result in run["results"]:
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert result["partialFingerprints"]["gatekeeper/v1"]
        assert rules[result["ruleIndex"]] == result["ruleId"]


def test_code_quality_has_the_shape_that_gitlab_demands(
    failing: Decision, evidence: tuple[Evidence, ...], hostile: str
) -> None:
    """Unique fingerprints, known severities, a path and a line in each entry."""
    entries = json.loads(gitlab_codequality.render(failing, evidence))
    assert len({entry["fingerprint"] for entry in entries}) == len(entries) == 5
    assert {entry["severity"] for entry in entries} <= {"info", "minor", "major", "critical", "blocker"}
    assert all(entry["location"]["path"] and entry["location"]["lines"]["begin"] >= 1 for entry in entries)
    assert not any("\x1b" in entry["description"] for entry in entries)
    assert hostile.split()[0].replace("\x1b", "\ufffd") in entries[-1]["description"]


@pytest.mark.parametrize("view", [junit, sarif, gitlab_codequality])
def test_equal_decisions_give_equal_bytes(
    view: object, failing: Decision, evidence: tuple[Evidence, ...]
) -> None:
    """No clock, no order of arrival."""
    assert view.render(failing, evidence) == view.render(failing, evidence * 2)


@pytest.mark.parametrize("view", [junit, sarif, gitlab_codequality])
def test_a_rule_that_only_warns_is_no_error(view: object, failing: Decision) -> None:
    """`warn` and `observe` rules never appear as what stops the build."""
    warned = tuple(
        msgspec.structs.replace(rule, mode=Mode.WARN, status=Status.FAIL) for rule in failing.rules
    )
    decision = allowed(msgspec.structs.replace(failing, rules=warned, evidence=()))
    text = view.render(decision, ())
    assert "<failure" not in text
    assert '"error"' not in text
    assert "blocker" not in text
