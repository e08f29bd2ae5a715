"""Gatekeeper: `read` stops at the report, `normalise` goes on to the document and its digest."""

import json
import sys
from pathlib import Path

from gatekeeper.evidence import Ratio
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.normalise import digest_of, document_from
from gatekeeper.reports.registry import read_report
from gatekeeper.reports.source import ReportSource

_NAMES = {
    "tests": {"total": "tests.total", "failed": "tests.failed"},
    "coverage": {"covered": "coverage.lines_covered", "total": "coverage.lines_total"},
    "sast": {"findings": "sast.total"},
}


def main(step: str, path: str) -> None:
    """Print what was understood of the report at `path`."""
    with Path(path).open("rb") as stream:
        report = read_report(ReportSource(stream, name=Path(path).name, limits=DEFAULT_LIMITS))
    if step == "normalise":
        digest_of(document_from(report))
    assert report.kind is not None, report.problems
    values = {name: report.metrics[metric] for name, metric in _NAMES[report.kind].items()}
    assert not any(isinstance(value, Ratio) for value in values.values())
    print(json.dumps(values))


main(*sys.argv[1:])
