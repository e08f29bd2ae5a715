"""Gatekeeper's own JSON of counts: only what is stated, and nothing in silence."""

import io
import json
from typing import Any

import pytest

from gatekeeper.evidence import Kind, State
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.registry import read_report
from gatekeeper.reports.source import ReportSource


def _facts(**keys: Any) -> bytes:
    metrics = {"review.approvals": 1, "review.changes_requested": 0}
    return json.dumps({"schema": "gatekeeper/facts/v1", "kind": "review", "metrics": metrics} | keys).encode()


def _read(data: bytes) -> Any:
    source = ReportSource(io.BytesIO(data), name="facts.json", limits=DEFAULT_LIMITS)
    return read_report(source)


def test_what_is_stated_is_counted() -> None:
    """All counts of the kind are there, so the report is a proof of them."""
    report = _read(_facts())
    assert (report.kind, report.state, report.problems) == (Kind.REVIEW, State.OK, ())
    assert report.metrics == {"review.approvals": 1, "review.changes_requested": 0}


def test_what_is_left_out_is_not_zero() -> None:
    """A report without one of the counts of its kind does not prove what it claims."""
    report = _read(_facts(metrics={"review.approvals": 1}))
    assert report.state is State.INCOMPLETE
    assert "review.changes_requested" not in report.metrics


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": {"review.approvals": -1, "review.changes_requested": 0}},
        {"metrics": {"review.approvals": 1.5, "review.changes_requested": 0}},
        {"metrics": {"review.approvals": True, "review.changes_requested": 0}},
        {"metrics": {"review.approvals": "2", "review.changes_requested": 0}},
        {"metrics": {"tests.failed": 0}},
        {"kind": "tests"},
        {"schema": "gatekeeper/facts/v1", "approvals": 3},
    ],
)
def test_what_it_cannot_state_makes_it_unreadable(wrong: dict[str, Any]) -> None:
    """Negative, fractional and foreign counts, another kind, an unknown key: nothing of it is used."""
    report = _read(_facts(**wrong))
    assert report.state is State.UNREADABLE
    assert report.metrics == {}


def test_a_count_that_is_said_twice_is_refused() -> None:
    """Of two equal keys the last would win, and hide the first."""
    data = _facts().replace(b'"metrics": {', b'"metrics": {"review.approvals": 0, ')
    assert _read(data).state is State.UNREADABLE
