"""The normalised document: order-free, exact, digested, and as its published schema says."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.evidence import EvidenceDocument, Kind, Problem, State
from gatekeeper.finding import Finding, Location, Severity
from gatekeeper.reports.evidence_schema import evidence_schema, evidence_schema_text
from gatekeeper.reports.interface import LineHits, Report
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.normalise import KindUnknown, digest_of, document_from
from gatekeeper.reports.registry import read_report
from gatekeeper.reports.source import ReportSource

ROOT = Path(__file__).parents[3]
SAMPLES = sorted(
    folder.parent / name
    for folder in (ROOT / "tests/samples").glob("*/expected.json")
    for name in json.loads(folder.read_text(encoding="utf-8"))
)


def _finding(fingerprint: str, line: int) -> Finding:
    return Finding(
        fingerprint=fingerprint,
        tool="bandit",
        rule="B602",
        severity=Severity.HIGH,
        message="shell",
        location=Location(path="a.py", line=line),
    )


def _report(**changes: Any) -> Report:
    return Report(**{"format": "bandit", "kind": Kind.SAST, "state": State.OK, **changes})


@given(st.permutations([("a", 1), ("a", 2), ("b", 1), ("c", 3), ("c", 1)]))
def test_order_of_findings_does_not_matter(order: list[tuple[str, int]]) -> None:
    """The same findings in another order give the same document and digest."""
    expected = document_from(_report(findings=tuple(_finding(f, n) for f, n in sorted(order))))
    given_order = document_from(_report(findings=tuple(_finding(f, n) for f, n in order)))
    assert given_order == expected
    assert digest_of(given_order) == digest_of(expected)
    assert [f.fingerprint for f in given_order.findings] == ["a", "a", "b", "c", "c"]


def test_order_of_files_does_not_matter() -> None:
    """Files are sorted and lines are written as ranges."""
    hits = {"b.py": LineHits([1, 2, 3, 7], [9]), "a.py": LineHits((), (4, 5))}
    document = document_from(_report(format="lcov", kind=Kind.COVERAGE, lines=hits))
    assert list(document.lines) == ["a.py", "b.py"]
    assert (document.lines["b.py"].hit, document.lines["b.py"].miss) == ("1-3,7", "9")
    assert (document.lines["a.py"].hit, document.lines["a.py"].miss) == ("", "4-5")


def test_digest_depends_on_every_field() -> None:
    """A changed state or problem is another document."""
    plain, failed = _report(), _report(state=State.FAILED)
    noted = _report(problems=(Problem(code="no-data"),))
    digests = {digest_of(document_from(report)) for report in (plain, failed, noted)}
    assert len(digests) == 3


def test_unknown_format_needs_a_kind_from_elsewhere() -> None:
    """A report that says nothing of its kind takes the one it is given, and is refused without one."""
    unreadable = _report(format=None, kind=None, state=State.UNREADABLE)
    assert document_from(unreadable, kind=Kind.TESTS).kind is Kind.TESTS
    with pytest.raises(KindUnknown, match="unknown") as refused:
        document_from(unreadable)
    assert refused.value.hint


def test_published_schema_is_current() -> None:
    """The file in docs is what the types say; `python -m gatekeeper.reports.evidence_schema` writes it."""
    published = (ROOT / "docs/reference/evidence-v1.schema.json").read_text(encoding="utf-8")
    assert published == evidence_schema_text()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_documents_of_all_samples_fit_the_schema(path: Path) -> None:
    """Whatever was read, the document validates, survives a round trip and keeps its digest."""
    with path.open("rb") as stream:
        report = read_report(ReportSource(stream, name=path.name, limits=DEFAULT_LIMITS))
    document = document_from(report, kind=Kind.SAST)
    encoded = msgspec.json.encode(document)
    jsonschema.Draft202012Validator(evidence_schema()).validate(json.loads(encoded))
    again = msgspec.json.decode(encoded, type=EvidenceDocument)
    assert again == document
    assert digest_of(again) == digest_of(document)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", "gatekeeper/evidence/v2"),
        ("state", "green"),
        ("metrics", {"tests.total": -1}),
        ("extra", 1),
    ],
)
def test_schema_refuses_what_is_no_document(key: str, value: Any) -> None:
    """Another version, an unknown state, a negative count or a foreign field does not validate."""
    document = json.loads(msgspec.json.encode(document_from(_report())))
    document[key] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(evidence_schema()).validate(document)
