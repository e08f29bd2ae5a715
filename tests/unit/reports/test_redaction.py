"""What may be kept of a report of secrets: no text that the tool wrote about them."""

import io
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.canonical import canonical_bytes
from gatekeeper.evidence import EvidenceDocument, Kind, Problem, State
from gatekeeper.finding import Finding, Location, Severity, Suppression
from gatekeeper.pipeline import Received, document_of
from gatekeeper.reports.interface import Report
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.redacted_sarif import redacted_sarif
from gatekeeper.reports.redaction import plain_address, quoting_nothing, without_secrets
from gatekeeper.reports.registry import read_report
from gatekeeper.reports.source import ReportSource

CANARY = "hunter2"
_ = "to be replaced by a secret"


def log() -> dict[str, Any]:
    """A log with every place in which tools were seen to quote what they found, and more."""
    text = {"text": _, "markdown": _, "id": "m1", "arguments": [_, _]}
    region = {"startLine": 3, "startColumn": 1, "snippet": {"text": _, "rendered": {"text": _}}}
    place = {
        "id": 1,
        "message": text,
        "physicalLocation": {
            "artifactLocation": {"uri": "src/app.py", "uriBaseId": _, "index": 0, "description": text},
            "region": region,
            "contextRegion": region,
            "address": {"fullyQualifiedName": _, "name": _, "kind": _},
        },
        "logicalLocations": [{"name": _, "fullyQualifiedName": _, "decoratedName": _, "kind": _}],
        "annotations": [region],
        "properties": {_: _, "tags": [_]},
    }
    notification = {
        "descriptor": {"id": "n1", "guid": _},
        "message": text,
        "level": "warning",
        "locations": [place],
        "exception": {"kind": _, "message": _, "stack": {"frames": [{"module": _, "parameters": [_]}]}},
        "timeUtc": _,
    }
    rule = {
        "id": "aws-key",
        "name": _,
        "shortDescription": text,
        "fullDescription": text,
        "help": text,
        "messageStrings": {_: text, "m1": {"text": _}},
        "defaultConfiguration": {"level": "error", "parameters": {"properties": {_: _}}},
        "properties": {"tags": [_, "CWE-798"], "security-severity": _, "precision": _},
    }
    result = {
        "ruleId": "aws-key",
        "guid": _,
        "level": "error",
        "message": text,
        "locations": [place],
        "relatedLocations": [place],
        "fingerprints": {_: _},
        "partialFingerprints": {"commitMessage": _, "secret/v1": _, _: _},
        "suppressions": [{"kind": "inSource", "status": "accepted", "justification": _, "guid": _}],
        "codeFlows": [{"message": text, "threadFlows": [{"id": "t", "locations": [{"location": place}]}]}],
        "stacks": [{"message": text, "frames": [{"location": place, "module": _}]}],
        "fixes": [{"artifactChanges": [{"replacements": [{"insertedContent": {"text": _, "binary": _}}]}]}],
        "attachments": [{"description": text}],
        "hostedViewerUri": _,
        "workItemUris": [_],
        "webRequest": {"headers": {"Authorization": _}, "target": _, "body": {"text": _}},
        "properties": {_: {_: [_, 4111111111111111]}, "match": _},
    }
    run = {
        "tool": {
            "driver": {
                "name": "gitleaks",
                "version": "8.30.1",
                "fullName": _,
                "organization": _,
                "informationUri": "https://example.com/gitleaks",
                "globalMessageStrings": {_: text, "m1": {"text": _}},
                "rules": [rule],
                "notifications": [{"id": "n1", "shortDescription": text}],
            },
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "commandLine": _,
                "arguments": [_],
                "account": _,
                "machine": _,
                "environmentVariables": {_: _, "TOKEN": _},
                "workingDirectory": {"uri": "file:///src", "description": text},
                "toolExecutionNotifications": [notification],
                "toolConfigurationNotifications": [notification],
                "startTimeUtc": "2026-11-23T02:50:00Z",
            }
        ],
        "versionControlProvenance": [{"repositoryUri": f"https://bot:{_}@example.com/r.git?t={_}"}],
        "originalUriBaseIds": {_: {"uri": "file:///src/"}},
        "artifacts": [
            {
                "location": {"uri": "src/app.py"},
                "contents": {"text": _, "binary": _, "rendered": {"text": _}},
                "hashes": {"sha-256": _},
                "sourceLanguage": _,
            }
        ],
        "results": [result, result | {"kind": _, "level": _}, {"ruleId": "r", "message": 5, "extra": _}],
        "automationDetails": {"description": text, "correlationGuid": _},
        "redactionTokens": [_],
        "defaultEncoding": _,
        "properties": {"metrics": {_: _}},
    }
    return {"version": "2.1.0", "$schema": f"https://example.com/s.json?{_}", "runs": [run], _: {"id": _}}


def with_secrets(value: Any, secret: str) -> Any:
    """`value` with every placeholder, keys included, made the secret."""
    match value:
        case dict():
            return {with_secrets(key, secret): with_secrets(item, secret) for key, item in value.items()}
        case list():
            return [with_secrets(item, secret) for item in value]
        case str():
            return value.replace(_, secret)
        case other:
            return other


def texts(value: Any) -> Iterator[str]:
    """Every string and name in it."""
    match value:
        case dict():
            for key, item in value.items():
                yield key
                yield from texts(item)
        case list():
            for item in value:
                yield from texts(item)
        case str():
            yield value


def read(data: bytes, kind: Kind | None = None) -> Report:
    """As the pipeline reads it."""
    return read_report(ReportSource(io.BytesIO(data), name="r", limits=DEFAULT_LIMITS), kind=kind)


def document(data: bytes) -> EvidenceDocument:
    """As the server and `evaluate` make it."""
    report = read(data, Kind.SECRETS)
    return document_of(Received(report=report, sha256="", name="", job=""))


def test_the_log_of_these_tests_is_full_of_secrets_and_read() -> None:
    """They look at a report that means something."""
    data = json.dumps(with_secrets(log(), CANARY)).encode()
    report = read(data)
    assert report.kind is Kind.SECRETS
    assert len(report.findings) == 2
    assert CANARY in report.findings[0].message
    assert data.count(CANARY.encode()) > 100


_SECRETS = st.one_of(
    st.text(min_size=6).filter(lambda text: text.isprintable() or not text.isascii()),
    st.from_regex(
        r"AKIA[A-Z0-9]{16}|ghp_[A-Za-z0-9]{36}|[0-9]{16}|-----BEGIN KEY-----\n[a-z]{20}", fullmatch=True
    ),
    st.sampled_from(["s3cr3t \U0001f511", "pass/word?#@:x", '"quoted\\"', "ünïcödé-p4ss", "error-level"]),
)


@given(secret=_SECRETS)
def test_no_text_of_the_tool_is_in_what_is_kept(secret: str) -> None:
    """Messages, snippets, notifications, names of members: nothing survives in the document or the bytes."""
    marked = f"<{secret}>"  # not by chance a word of ours
    try:
        data = json.dumps(with_secrets(log(), marked), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    for kept in (redacted_sarif(data), canonical_bytes(document(data))):
        found = [text for text in texts(json.loads(kept)) if marked in text or secret in text]
        assert not found


_BAGS = st.recursive(
    st.just(CANARY)
    | st.integers()
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([CANARY, "uri", "id", "ruleId", "name", "level", "text"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(bag=_BAGS, where=st.integers(min_value=0), name=st.sampled_from(["properties", "x-vendor", CANARY]))
def test_bags_and_unknown_members_keep_nothing(bag: Any, where: int, name: str) -> None:
    """Also not under a name that is safe elsewhere."""
    whole = with_secrets(log(), "x")
    objects = list(_objects(whole))
    objects[where % len(objects)][name] = bag
    assert CANARY not in redacted_sarif(json.dumps(whole).encode()).decode()


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(item)


def test_places_rules_and_structure_stay() -> None:
    """The kept bytes still say which rule found something where, with which tool, and can be read."""
    data = json.dumps(with_secrets(log(), CANARY)).encode()
    kept = redacted_sarif(data)
    run = json.loads(kept)["runs"][0]
    driver, invocation, result = run["tool"]["driver"], run["invocations"][0], run["results"][0]
    assert (driver["name"], driver["version"], driver["rules"][0]["id"]) == ("gitleaks", "8.30.1", "aws-key")
    assert driver["informationUri"] == "https://example.com/gitleaks"
    assert (invocation["executionSuccessful"], invocation["startTimeUtc"]) == (True, "2026-11-23T02:50:00Z")
    assert (result["ruleId"], result["level"]) == ("aws-key", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "src/app.py"
    assert place["region"] == {
        "startLine": 3,
        "startColumn": 1,
        "snippet": {"text": "[redacted]", "[redacted] 2": {"[redacted] 1": "[redacted]"}},
    }
    assert run["versionControlProvenance"] == [{"repositoryUri": "https://example.com/r.git"}]
    assert [f.location for f in read(kept).findings] == [f.location for f in read(data).findings]


def test_the_document_shows_the_rule_in_place_of_the_message() -> None:
    """Counts, places and identities are those of the report."""
    data = json.dumps(with_secrets(log(), CANARY)).encode()
    made, report = document(data), read(data)
    assert {finding.message for finding in made.findings} == {"aws-key"}
    assert made.metrics == dict(report.metrics)
    assert made.state is report.state is State.INCOMPLETE
    assert {f.fingerprint for f in made.findings} == {f.fingerprint for f in report.findings}
    assert [problem.code for problem in made.problems] == [problem.code for problem in report.problems]


def test_other_kinds_keep_their_messages() -> None:
    """People need them to mend what was found."""
    finding = Finding(fingerprint="f", tool="t", rule="r", severity=Severity.HIGH, message="mend it")
    report = Report(format="sarif", kind=Kind.SAST, state=State.OK, findings=(finding,))
    (kept,) = document_of(Received(report=report, sha256="", name="", job="")).findings
    assert kept.message == "mend it"


def test_problems_keep_counts_and_words_of_our_own() -> None:
    """A reason that says nothing helps nobody; one that quotes may leak."""
    given_problems = (
        Problem(
            code="scan-failed", params={"count": 2, "what": (("executionSuccessful is false", 1), ("k3y", 1))}
        ),
        Problem(code="scan-errors", params={"count": 3, "what": (("k3y", 1), ("other", 2))}),
        Problem(code="unknown-format", params={"head": "k3y"}),
        Problem(code="run-failed", params={"tool": "gitleaks", "ending": "crashed"}),
        Problem(code="tool-unlisted", params={"tools": ("leakcheck",)}),
    )
    assert [problem.params for problem in quoting_nothing(given_problems)] == [
        {"count": 2, "what": (("executionSuccessful is false", 1), ("[redacted]", 1))},
        {"count": 3, "what": (("[redacted]", 3),)},
        {"head": "[redacted]"},
        {"tool": "gitleaks", "ending": "crashed"},
        {"tools": ("leakcheck",)},
    ]


def test_reasons_and_addresses_of_findings_are_cleaned() -> None:
    """A justification is free text; an address may hold a password."""
    finding = Finding(
        fingerprint="f",
        tool="t",
        rule="r",
        severity=Severity.HIGH,
        message="k3y",
        location=Location(path="https://bot:k3y@example.com/a.env?key=k3y", line=4),
        suppression=Suppression(source="inline", reason="k3y is a test key"),
    )
    report = Report(format="sarif", kind=Kind.SECRETS, state=State.OK, findings=(finding,))
    (kept,) = without_secrets(report).findings
    assert kept == msgspec.structs.replace(
        finding,
        message="r",
        location=Location(path="https://example.com/a.env", line=4),
        suppression=Suppression(source="inline", reason="[redacted]"),
    )


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("src/app.py", "src/app.py"),
        ("file:///C:/src/app.py", "file:///C:/src/app.py"),
        ("C:/src/app.py", "C:/src/app.py"),
        ("https://u:p@example.com:8080/x/y?z#f", "https://example.com:8080/x/y"),
        ("https://u:p@a@example.com/x", "[redacted]"),
        ("https://u:p/p@example.com/x", "[redacted]"),
        ("https://u:p?p@example.com/x", "[redacted]"),
        ("https://u:p@p?p@example.com/x", "[redacted]"),
        ("file:/src/app.py", "file:/src/app.py"),
        ("file:///src/@scope/app.js?p", "file:///src/@scope/app.js"),
        ("file://u:p@host/app.js", "file://host/app.js"),
        ("node_modules/@scope/app.js", "node_modules/@scope/app.js"),
        ("//u:p@example.com/x", "//example.com/x"),
        ("src/app.py?token=p#p", "src/app.py"),
        ("data:text/plain;base64,cA==", "[redacted]"),
        ("user:p@example.com", "[redacted]"),
        ("", ""),
    ],
)
def test_addresses_let_nobody_in(address: str, kept: str) -> None:
    """User, password, query and fragment go; what is no place goes whole."""
    assert plain_address(address) == kept
