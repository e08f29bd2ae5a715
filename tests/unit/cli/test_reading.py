"""Tests of opening and reading the given files."""

from pathlib import Path

import pytest

from gatekeeper.cli import reading
from gatekeeper.cli.files import Given
from gatekeeper.evidence import State
from gatekeeper.reports.interface import Report
from gatekeeper.reports.source import ReportSource

REPORT = '<testsuite><testcase name="pays"/></testsuite>'


def test_a_file_that_stays_is_read_with_its_digest(tmp_path: Path) -> None:
    """Content and digest are of the same bytes."""
    path = tmp_path / "junit.xml"
    path.write_text(REPORT)
    found = reading.read(Given(path=path, job="junit.xml"))
    assert (found.report.state, found.size_bytes) == (State.OK, len(REPORT))


def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that still writes could give the digest of one report to the content of another."""
    path = tmp_path / "junit.xml"
    path.write_text(REPORT)
    read_report = reading.read_report

    def read_while_it_grows(source: ReportSource, **how: object) -> Report:
        report = read_report(source, **how)  # type: ignore[arg-type]  # passed on as they came
        path.write_text(REPORT + "\n<!-- more -->")
        return report

    monkeypatch.setattr(reading, "read_report", read_while_it_grows)
    with pytest.raises(reading.FileUnreadable, match=r"junit\.xml changed while it was read"):
        reading.read(Given(path=path, job="junit.xml"))
