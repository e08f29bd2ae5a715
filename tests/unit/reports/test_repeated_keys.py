"""A key that one object has twice hides the first value; such a report is not believed."""

import io

import pytest

from gatekeeper.evidence import State
from gatekeeper.reports.interface import Report
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.registry import read_report
from gatekeeper.reports.source import ReportSource

BAD = (
    '{"check_id":"r","path":"a.py","extra":{"severity":"ERROR","message":"m"},'
    '"start":{"line":1},"end":{"line":1}}'
)
SEMGREP = '{"version":"1","results":[%s],"errors":[%s],"paths":{"scanned":["a.py"]}%s}'
SARIF = '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Bandit"}},"results":[%s]%s}]}'
PIP_AUDIT = '{"dependencies":[{"name":"a","version":"1","vulns":[{"id":"X-1"}]%s}],"fixes":[]%s}'
BANDIT = (
    '{"results":[{"filename":"a.py","test_id":"B1","issue_severity":"HIGH"%s}],"errors":[],'
    '"metrics":{"_totals":{},"a.py":{}}%s}'
)


def read(text: str, encoding: str = "utf-8") -> Report:
    """The report in `text`."""
    return read_report(
        ReportSource(io.BytesIO(text.encode(encoding)), name="report.json", limits=DEFAULT_LIMITS)
    )


@pytest.mark.parametrize(
    "text",
    [
        SEMGREP % (BAD, "", ',"results":[]'),
        SEMGREP % (BAD, "", ',"r\\u0065sults":[]'),
        SEMGREP % ("", '{"type":"Timeout"}', ',"errors":[]'),
        SARIF % ("", ',"invocations":[{"executionSuccessful":false,"executionSuccessful":true}]'),
        SARIF % ("", ',"invocations":[{"executionSuccessful":false}],"invocations":[]'),
        PIP_AUDIT % ("", ',"dependencie\\u0073":[{"name":"b","version":"1","vulns":[]}]'),
        BANDIT % ("", ',"results":[]'),
        BANDIT % ("", ',"result\\u0073":[]'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_list_that_another_hides_makes_the_report_unreadable(text: str, encoding: str) -> None:
    """Also when the letters of the key are spelled as escapes, and in UTF-16."""
    report = read(text, encoding)
    assert report.state is State.UNREADABLE
    assert report.problems[0].code == "wrong-shape"
    assert "twice" in str(report.problems[0].params["detail"])


@pytest.mark.parametrize(
    "text",
    [
        SEMGREP % (BAD.replace('"severity":"ERROR"', '"severity":"ERROR","severity":"INFO"'), "", ""),
        SEMGREP % (BAD.replace('"severity":"ERROR"', '"severity":"ERROR","s\\u0065verity":"INFO"'), "", ""),
        SARIF % ('{"level":"error","level":"note","message":{"text":"m"}}', ""),
        SARIF % ('{"level":"error","kind":"fail","kind":"pass","message":{"text":"m"}}', ""),
        PIP_AUDIT % (',"vulns":[]', ""),
        BANDIT % (',"issue_severity":"LOW"', ""),
    ],
)
def test_an_item_that_says_two_things_counts_as_not_read(text: str) -> None:
    """It is counted, so the report is no proof; the other items stand."""
    report = read(text)
    assert report.state is State.INCOMPLETE
    assert "unparsed" in {problem.code for problem in report.problems}


def test_the_same_words_in_several_objects_are_no_repetition() -> None:
    """A key counts per object; text may hold it, quoted or escaped, and a value may be it."""
    other = BAD.replace(
        '"message":"m"', '"message":"\\"results\\" \\u003cb\\u003e","metadata":{"severity":"x"}'
    )
    report = read(SEMGREP % (f"{BAD},{other}", "", ',"skipped_rules":[]'))
    assert report.state is State.OK
    assert report.metrics["sast.total"] == 2
