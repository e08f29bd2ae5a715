"""`scanners/<tool>/`: every tool of the table has a folder that holds what the README promises."""

import io
from collections.abc import Iterable

import pytest

from gatekeeper.messages.problems import PROBLEMS
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.registry import read_report
from gatekeeper.reports.source import ReportSource
from gatekeeper_scanners.interface import Scanner
from gatekeeper_scanners.manifest import tools_folder
from gatekeeper_scanners.registry import SCANNERS


def scanners() -> Iterable[Scanner]:
    """The rows of the table."""
    return SCANNERS.values()


@pytest.mark.parametrize("scanner", scanners(), ids=lambda scanner: scanner.name)
def test_manifest_is_complete_and_pins_the_tool(scanner: Scanner) -> None:
    """The manifest names the tool, and its requirement file pins and hashes it."""
    manifest = scanner.manifest
    assert manifest.name == scanner.name
    assert manifest.title
    assert manifest.files
    assert manifest.version[0].isdigit()
    assert manifest.requirements_digest.startswith("sha256:")


@pytest.mark.parametrize("scanner", scanners(), ids=lambda scanner: scanner.name)
def test_every_requirement_is_pinned_and_hashed(scanner: Scanner) -> None:
    """No requirement is installed that is not exactly the one that was locked."""
    lines = scanner.manifest.requirements.read_text().replace("\\\n", " ").splitlines()
    for line in filter(None, lines):
        assert "==" in line
        assert "--hash=sha256:" in line


@pytest.mark.parametrize("scanner", scanners(), ids=lambda scanner: scanner.name)
def test_sample_report_is_read_as_the_kind_of_the_scanner(scanner: Scanner) -> None:
    """The sample beside the manifest is what the tool writes, and Gatekeeper reads it."""
    data = (tools_folder() / scanner.name / "sample.json").read_bytes()
    report = read_report(
        ReportSource(io.BytesIO(data), name="sample.json", limits=DEFAULT_LIMITS), kind=scanner.kind
    )
    assert report.problems == ()
    assert report.format == scanner.name
    assert report.findings


def test_problem_codes_of_the_runner_have_words() -> None:
    """Every problem that a run can record is worded for people."""
    assert {
        "nothing-to-scan", "tool-not-installed", "cannot-run", "no-rules", "rules-damaged",
        "files-not-scanned", "files-unreadable", "folders-unreadable", "links-not-followed",
    } <= PROBLEMS.keys()  # fmt: skip
