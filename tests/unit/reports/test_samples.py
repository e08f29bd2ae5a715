"""Every sample under tests/samples, read and compared with what its expected.json says."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatekeeper.evidence import EvidenceDocument, Kind, State
from gatekeeper.messages import render_message
from gatekeeper.messages.problems import NOTES, PROBLEMS
from gatekeeper.reports.interface import Report
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.normalise import document_from
from gatekeeper.reports.registry import read_report
from gatekeeper.reports.source import ReportSource

SAMPLES = Path(__file__).parents[2] / "samples"
FOLDERS = sorted(path.parent for path in SAMPLES.glob("*/expected.json"))
CASES = [
    pytest.param(folder / name, entry, id=f"{folder.name}/{name}")
    for folder in FOLDERS
    for name, entry in json.loads((folder / "expected.json").read_text(encoding="utf-8")).items()
]
_NOT_REPORTS = {"README.md", "expected.json", "command.txt"}
_FREE_METRICS = {"tests.duration_ms"}


def read_sample(path: Path, entry: dict[str, Any]) -> Report:
    """The sample read as its entry asks."""
    asked = entry.get("kind_asked")
    with path.open("rb") as stream:
        source = ReportSource(stream, name=path.name, limits=DEFAULT_LIMITS)
        return read_report(source, format_name=entry.get("read_as"), kind=Kind(asked) if asked else None)


@pytest.mark.parametrize(("path", "entry"), CASES)
def test_sample_reads_as_expected(path: Path, entry: dict[str, Any]) -> None:
    """The report says what the tool's own summary says."""
    report = read_sample(path, entry)
    assert (report.format, report.kind, report.state) == (entry["format"], entry["kind"], entry["state"]), (
        report.problems
    )
    _compare_problems(report, entry.get("problems", []))
    assert (report.state is State.OK) == all(problem.code in NOTES for problem in report.problems)
    for problem in report.problems:
        assert render_message(problem, PROBLEMS) != problem.code
    if report.kind is not None:
        _compare_document(document_from(report), entry)


def test_every_file_is_expected() -> None:
    """No file lies in a sample folder without an entry that says what it holds."""
    stray = [
        str(path.relative_to(SAMPLES))
        for folder in FOLDERS
        for path in folder.rglob("*")
        if path.is_file()
        and path.name not in _NOT_REPORTS
        and str(path.relative_to(folder)) not in json.loads((folder / "expected.json").read_text("utf-8"))
    ]
    assert stray == []
    assert CASES


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_folder_says_where_it_comes_from(folder: Path) -> None:
    """A sample folder names the command, or the source of the dialect, in a README or command.txt."""
    texts = [folder / name for name in ("README.md", "command.txt") if (folder / name).is_file()]
    assert any(text.read_text(encoding="utf-8").strip() for text in texts)


def _compare_problems(report: Report, expected: list[dict[str, Any]]) -> None:
    found = msgspec.to_builtins(report.problems)
    assert sorted(p["code"] for p in found) == sorted(p["code"] for p in expected), found
    for wanted in expected:
        params = wanted.get("params", {})
        fitting = [p["params"] for p in found if p["code"] == wanted["code"]]
        assert any(params.items() <= _plain(given).items() for given in fitting), (wanted, found)


def _plain(params: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(params))


def _compare_document(document: EvidenceDocument, entry: dict[str, Any]) -> None:
    found = json.loads(msgspec.json.encode(document))
    if "metrics" in entry:
        assert _counted(found["metrics"]) == _counted(entry["metrics"])
    for key in ("producer", "produced_at", "failures", "lines"):
        if key in entry:
            assert found[key] == entry[key]
    if "findings" in entry:
        assert len(found["findings"]) == len(entry["findings"])
        for given, wanted in zip(found["findings"], entry["findings"], strict=True):
            assert {key: given.get(key) for key in wanted} == wanted


def _counted(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name not in _FREE_METRICS}
