"""SARIF results: rules, severity, suppression, place, message."""

import tracemalloc
from typing import Any

import pytest

from gatekeeper.evidence import State
from gatekeeper.finding import Finding, Location
from gatekeeper.reports.limits import Limits

RULES = [
    {"id": "r0"},
    {
        "id": "r1",
        "guid": "11111111-1111-1111-8888-111111111111",
        "defaultConfiguration": {"level": "note"},
        "properties": {"security-severity": "9.8", "tags": ["external/cwe/cwe-089"]},
    },
    {"id": "r2", "defaultConfiguration": {"level": "error"}},
]
EXTENSION = {"name": "pack", "guid": "e", "rules": [{"id": "x1", "properties": {"security-severity": "7.5"}}]}


def _only(report: Any) -> Finding:
    assert len(report.findings) == 1, report
    return report.findings[0]


@pytest.mark.parametrize(
    "result",
    [
        {"ruleId": "r1"},
        {"ruleIndex": 1},
        {"ruleId": "r1/sub"},
        {"ruleId": "r1/sub/deeper"},
        {"rule": {"id": "r1"}},
        {"rule": {"index": 1}},
        {"rule": {"guid": "11111111-1111-1111-8888-111111111111"}},
        {"ruleId": "r1/sub", "ruleIndex": 1},
        {"ruleId": "r1", "ruleIndex": 99},
        {"ruleId": "r1", "ruleIndex": -1},
        {"ruleId": "r1", "ruleIndex": 2},
    ],
)
def test_the_rule_is_found_however_it_is_named(read_results: Any, result: dict[str, Any]) -> None:
    """By id, index, reference, guid or hierarchical id: the rule's score and CWE reach the finding."""
    finding = _only(read_results([result], driver={"rules": RULES}))
    assert (finding.severity, finding.cwe) == ("critical", (89,))


@pytest.mark.parametrize(
    "result",
    [
        {"ruleId": "x1"},
        {"rule": {"index": 0, "toolComponent": {"index": 0}}},
        {"rule": {"index": 0, "toolComponent": {"name": "pack"}}},
        {"rule": {"index": 0, "toolComponent": {"guid": "e"}}},
        {"ruleId": "x1", "ruleIndex": 0},
    ],
)
def test_rules_of_extensions_are_found(read_results: Any, result: dict[str, Any]) -> None:
    """Extensions hold the rules of CodeQL; an index without component means the driver."""
    tool = {"driver": {"name": "CodeQL", "rules": RULES}, "extensions": [EXTENSION]}
    assert _only(read_results([result], tool=tool)).severity == "high"


def test_a_similar_id_is_another_rule(read_results: Any) -> None:
    """`r11` is not below `r1`; without a rule the level is warning."""
    assert _only(read_results([{"ruleId": "r11"}], driver={"rules": RULES})).severity == "medium"


def test_a_result_without_any_rule_has_a_name(read_results: Any) -> None:
    """Old gitleaks logs name no rule."""
    assert _only(read_results([{"message": {"text": "x"}}])).rule == "unnamed"


@pytest.mark.parametrize(
    ("level", "severity"),
    [("error", "high"), ("warning", "medium"), ("note", "low"), ("none", "info"), (None, "medium")],
)
def test_severity_by_level(read_results: Any, level: str | None, severity: str) -> None:
    """Without a score the level decides, and a missing level is warning."""
    result = {"ruleId": "r0"} | ({"level": level} if level else {})
    assert _only(read_results([result], driver={"rules": RULES})).severity == severity


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        ("10.0", "critical"),
        ("9.0", "critical"),
        ("8.9", "high"),
        (7, "high"),
        ("6.9", "medium"),
        (4.0, "medium"),
        ("3.9", "low"),
        ("0.1", "low"),
    ],
)
def test_severity_by_score(read_results: Any, score: object, severity: str) -> None:
    """The bands of security-severity; the score wins over the level."""
    result = {"ruleId": "r0", "level": "none", "properties": {"security-severity": score}}
    assert _only(read_results([result], driver={"rules": RULES})).severity == severity


@pytest.mark.parametrize(
    "value", ["NaN", "MEDIUM", None, "0.0", 0, "-1", "11", "1e1", "", "Infinity", True, [], {}, "9,8"]
)
def test_a_bad_score_never_lowers_a_severity(read_results: Any, value: object) -> None:
    """It is told; a stated level decides, and where none is stated the severity is unknown."""
    bag = {"properties": {"security-severity": value}}
    stated = read_results([{"ruleId": "r", "level": "error", **bag}])
    assert (_only(stated).severity, [p.code for p in stated.problems]) == ("high", ["bad-severity"])
    assert _only(read_results([{"ruleId": "r", **bag}])).severity == "unknown"
    assert _only(read_results([{"ruleId": "r1", **bag}], driver={"rules": RULES})).severity == "critical"


def test_an_unknown_level_is_an_unknown_severity(read_results: Any) -> None:
    """`critical` is no SARIF level: unknown, and told."""
    report = read_results([{"ruleId": "r", "level": "critical"}])
    assert _only(report).severity == "unknown"
    assert report.metrics["sast.unknown"] == 1
    assert report.problems[0].params == {"count": 1, "what": (("critical", 1),)}


@pytest.mark.parametrize(
    ("result", "severity"),
    [
        ({"ruleId": "r2"}, "low"),
        ({"ruleId": "r2", "level": "error"}, "high"),
        ({"ruleId": "r2", "provenance": {"invocationIndex": 0}}, "low"),
        ({"ruleId": "r2", "provenance": {"invocationIndex": 5}}, "high"),
    ],
)
def test_an_override_of_the_invocation_comes_before_the_default(
    read_results: Any, result: dict[str, Any], severity: str
) -> None:
    """SARIF 3.27.10: result, then override, then the rule's default."""
    overrides = [{"descriptor": {"index": 2}, "configuration": {"level": "note"}}]
    invocations = [{"executionSuccessful": True, "ruleConfigurationOverrides": overrides}]
    report = read_results([result], driver={"rules": RULES}, invocations=invocations)
    assert _only(report).severity == severity


@pytest.mark.parametrize(
    ("suppressions", "is_open"),
    [
        (None, True),
        ([], True),
        ([{"kind": "inSource"}], False),
        ([{"kind": "external", "status": "accepted"}], False),
        ([{"kind": "external", "status": "rejected"}], True),
        ([{"kind": "external", "status": "underReview"}], True),
        ([{"kind": "external", "status": "accepted"}, {"kind": "external", "status": "rejected"}], True),
        ([{"kind": "external", "status": "maybe"}], True),
    ],
)
def test_only_accepted_suppressions_close(read_results: Any, suppressions: Any, is_open: bool) -> None:
    """Rejected, under review and unknown ones stay open; an absent status is accepted."""
    report = read_results([{"ruleId": "r", "suppressions": suppressions}])
    assert _only(report).is_open is is_open
    assert (report.metrics["sast.total"], report.metrics["sast.suppressed"]) == (
        (1, 0) if is_open else (0, 1)
    )


def test_the_reason_of_a_suppression_is_kept(read_results: Any) -> None:
    """Who reads the evidence sees how and why a finding was set aside."""
    request = {"kind": "inSource", "justification": "test data"}
    kept = _only(read_results([{"ruleId": "r", "suppressions": [request]}])).suppression
    assert kept is not None
    assert (kept.source, kept.reason) == ("inline", "test data")


@pytest.mark.parametrize(
    ("result", "total", "code"),
    [
        ({"kind": "pass"}, 0, "not-open"),
        ({"kind": "informational"}, 0, "not-open"),
        ({"kind": "notApplicable", "level": "none"}, 0, "not-open"),
        ({"baselineState": "absent", "level": "error"}, 0, "not-open"),
        ({"baselineState": "unchanged"}, 1, None),
        ({"kind": "fail"}, 1, None),
        ({"kind": "pass", "level": "error"}, 1, None),
        ({"kind": "surprise"}, 1, None),
    ],
)
def test_which_results_are_open_problems(
    read_results: Any, result: Any, total: int, code: str | None
) -> None:
    """Other kinds than fail and absent ones are counted apart; contradictions and new kinds stay open."""
    report = read_results([{"ruleId": "r", **result}])
    assert (report.metrics["sast.total"], report.state) == (total, State.OK)
    assert [p.code for p in report.problems] == ([code] if code else [])


def _place(**physical: Any) -> dict[str, Any]:
    return {"ruleId": "r", "locations": [{"physicalLocation": physical}]}


def _at(uri: str, **more: Any) -> dict[str, Any]:
    return _place(artifactLocation={"uri": uri, **more})


@pytest.mark.parametrize(
    ("result", "location"),
    [
        (_at("src/a%20b.py"), Location(path="src/a b.py")),
        (_at("./src//x/../a.py"), Location(path="src/a.py")),
        (_at("src\\a.py"), Location(path="src/a.py")),
        (_at("100%.py"), Location(path="100%.py")),
        (_place(artifactLocation={"index": 1}), Location(path="lib/b.py")),
        (_at("a.py", uriBaseId="SRC"), Location(path="src/main/a.py")),
        (_at("a.py", uriBaseId="UNKNOWN"), Location(path="a.py")),
        (_at("a.py", uriBaseId="LOOP"), Location(path="l/" * 16 + "a.py")),
        (_at("file:///builds/shop/src/a.py"), Location(path="src/a.py")),
        (_at("file:///etc/passwd"), Location(path="/etc/passwd")),
        (_at("https://shop.test/login?a=1"), Location(path="https://shop.test/login?a=1")),
        (_place(artifactLocation={"index": 99}), None),
        (_place(address={"absoluteAddress": 7}), None),
        (
            _place(artifactLocation={"uri": "a.py"}, region={"charOffset": 12, "charLength": 3}),
            Location(path="a.py", line=None),
        ),
        (
            _place(artifactLocation={"uri": "a.py"}, region={"startLine": 3, "startColumn": 2, "endLine": 4}),
            Location(path="a.py", line=3, column=2, end_line=4),
        ),
        (_place(artifactLocation={"uri": "a.py"}, region={"startLine": 0}), Location(path="a.py")),
        ({"ruleId": "r", "locations": []}, None),
        ({"ruleId": "r", "locations": [{"physicalLocation": None}]}, None),
    ],
)
def test_where_a_result_is(read_results: Any, result: Any, location: Location | None) -> None:
    """Artifacts by index, base ids, percent signs, offsets without lines, addresses."""
    bases = {
        "ROOT": {"uri": "file:///builds/shop/"},
        "SRC": {"uri": "main/", "uriBaseId": "MIDDLE"},
        "MIDDLE": {"uri": "src", "uriBaseId": "ROOT"},
        "LOOP": {"uri": "l", "uriBaseId": "LOOP"},
    }
    artifacts = [{"location": {"uri": "a.py"}}, {"location": {"uri": "lib/b.py"}}]
    report = read_results([result], originalUriBaseIds=bases, artifacts=artifacts)
    assert _only(report).location == location


def test_many_locations_are_one_finding(read_results: Any) -> None:
    """A result of 50,000 locations is one finding, and what lies beyond the limit is told, not read."""
    location = {"physicalLocation": {"artifactLocation": {"uri": "a.py"}}}
    report = read_results(
        [{"ruleId": "r", "locations": [location] * 50_000}], limits=Limits(max_locations=1_000)
    )
    assert _only(report).location == Location(path="a.py")
    assert report.problems[0].params == {"count": 49_000}


STRINGS = {
    "messageStrings": {"m": {"text": "rule says {0} and {1}, {{not}} {2}"}, "md": {"markdown": "*rule*"}}
}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"text": "plain {0}"}, "plain {0}"),
        ({"text": "no {0}", "arguments": ["a"]}, "no a"),
        ({"id": "m", "arguments": ["a", "b"]}, "rule says a and b, {not} {2}"),
        ({"id": "md"}, "*rule*"),
        ({"id": "g"}, "shared"),
        ({"id": "gone"}, "gone"),
        ({"markdown": "**bold**"}, "**bold**"),
        ({}, ""),
        (None, ""),
    ],
)
def test_the_message_is_found_however_it_is_written(read_results: Any, message: Any, text: str) -> None:
    """Text, arguments, strings of the rule or shared ones, markdown alone."""
    driver = {"rules": [{"id": "r"} | STRINGS], "globalMessageStrings": {"g": {"text": "shared"}}}
    assert _only(read_results([{"ruleId": "r", "message": message}], driver=driver)).message == text


def test_long_messages_are_cut(read_results: Any) -> None:
    """A message of megabytes does not travel into every decision."""
    report = read_results([{"ruleId": "r", "message": {"text": "x" * 9_000}}])
    assert len(_only(report).message) == 2_000


@pytest.mark.parametrize(
    "rule",
    [
        {"properties": {"tags": ["security", "external/cwe/cwe-079", "CWE-89: SQL"]}},
        {"properties": {"cwe": ["CWE-79", "CWE-89"]}},
        {
            "relationships": [
                {"target": {"id": "79", "toolComponent": {"name": "CWE"}}},
                {"target": {"id": "CWE-89", "toolComponent": {"name": "other"}}},
            ]
        },
    ],
)
def test_cwe_of_a_rule(read_results: Any, rule: dict[str, Any]) -> None:
    """Tags, properties and taxa all name weaknesses."""
    assert _only(read_results([{"ruleId": "r"}], driver={"rules": [{"id": "r"} | rule]})).cwe == (79, 89)


def test_cwe_of_a_result(read_results: Any) -> None:
    """A result may name weaknesses beyond those of its rule."""
    rule = {"id": "r", "properties": {"tags": ["CWE-79"]}}
    own = {"taxa": [{"id": "22", "toolComponent": {"name": "CWE"}}], "properties": {"cwe": "CWE-89"}}
    assert _only(read_results([{"ruleId": "r"} | own], driver={"rules": [rule]})).cwe == (22, 79, 89)


def test_a_logical_location_keeps_results_apart(read_results: Any) -> None:
    """Binary scanners name a function instead of a file: no location, and still an identity."""
    names = [{"fullyQualifiedName": "shop.pay"}, {"name": "shop.ship"}, {"fullyQualifiedName": "shop.pay"}]
    results = [{"ruleId": "r", "locations": [{"logicalLocations": [name]}]} for name in names]
    report = read_results(results[:2])
    assert {finding.location for finding in report.findings} == {None}
    assert len({finding.fingerprint for finding in read_results(results).findings}) == 3
    moved = read_results([results[1], results[0]])
    assert {f.fingerprint for f in moved.findings} == {f.fingerprint for f in report.findings}


def test_dependency_scanners_keep_advisory_and_score(read: Any) -> None:
    """For packages the rule id is the advisory and security-severity its CVSS base score."""
    rule = {"id": "CVE-2024-22195-jinja2", "properties": {"security-severity": "5.4"}}
    driver = {"name": "Grype", "rules": [rule]}
    log = {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": [{"ruleIndex": 0}]}]}
    finding = _only(read("sarif", log, kind="sca"))
    assert (finding.advisories, finding.cvss, finding.severity) == (("CVE-2024-22195",), "5.4", "medium")


def test_a_message_cannot_multiply_its_arguments(read_results: Any) -> None:
    """Ten thousand times ten thousand characters are not made to keep the first few."""
    result = {"message": {"text": "{0}" * 10_000, "arguments": ["x" * 10_000]}}
    tracemalloc.start()
    found = _only(read_results([result]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.message == "x" * 2_000
    assert peak < 5_000_000
