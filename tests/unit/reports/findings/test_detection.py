"""Which reader takes which content."""

import io
from pathlib import Path

import pytest

from gatekeeper.reports.detection import choose_format, head_of
from gatekeeper.reports.findings import bandit, pip_audit, sarif, semgrep
from gatekeeper.reports.interface import UnreadableReport
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.registry import FORMATS
from gatekeeper.reports.source import ReportSource

SAMPLES = Path(__file__).parents[3] / "samples"
PADDING = b'"' + b"x" * 70_000 + b'"'


def _format(data: bytes) -> str:
    return choose_format(
        head_of(ReportSource(io.BytesIO(data), name="report", limits=DEFAULT_LIMITS)), FORMATS
    ).name


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'{"version":"2.1.0","runs":[]}', "sarif"),
        (b'{"runs":[{"tool":{"driver":{"name":"Bandit","x":' + PADDING + b"}}}]}", "sarif"),
        (
            b'{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","x":' + PADDING + b',"runs":[]}',
            "sarif",
        ),
        (b'{"version":"1.0.0","runs":[]}', "sarif"),
        (b'{"version":"1.182.0","results":[{"check_id":"r","extra":{"x":' + PADDING + b"}}]}", "semgrep"),
        (b'{"errors":[],"paths":{"scanned":[]},"results":[]}', "semgrep"),
        (
            b'{"errors":[],"generated_at":"2026-11-23T06:00:00Z","metrics":{"_totals":{}},"results":[]}',
            "bandit",
        ),
        (b'{"dependencies":[],"fixes":[]}', "pip-audit"),
        (b'{"dependencies":[{"name":"a","vulns":[' + PADDING + b"]}]}", "pip-audit"),
        (b'[{"name":"a","version":"1","vulns":[]}]', "pip-audit"),
    ],
)
def test_formats_are_known_by_content(data: bytes, name: str) -> None:
    """Also when the telling keys lie beyond the first 64 KiB."""
    assert _format(data) == name


@pytest.mark.parametrize(
    "data", [b"{}", b"[]", b'{"results":[]}', b'{"dependencies":{}}', b'{"errors":[]}', b'{"runs":[]}']
)
def test_unclear_content_is_nobodys(data: bytes) -> None:
    """No finding format takes what could be anything: `{}` is not a clean report of anybody."""
    with pytest.raises(UnreadableReport, match="unknown-format"):
        _format(data)


def test_no_sample_fits_two_formats() -> None:
    """Every sample of a scanner is taken by exactly one of the readers."""
    formats = [module.FORMAT for module in (sarif, bandit, semgrep, pip_audit)]
    files = [
        f for name in ("bandit", "semgrep", "pip-audit", "checkov") for f in SAMPLES.glob(f"{name}-*/*.*")
    ]
    reports = [f for f in files if f.name not in ("README.md", "expected.json")]
    assert len(reports) > 15
    for file in reports:
        with file.open("rb") as stream:
            head = head_of(ReportSource(stream, name="report", limits=DEFAULT_LIMITS))
        assert sum(format_.detect(head) for format_ in formats) == 1, file
