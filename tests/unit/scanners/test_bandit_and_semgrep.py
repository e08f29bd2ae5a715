"""The commands of the two source scanners, and what they make of files that the tool did not read."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from gatekeeper.resources import rules_folder
from gatekeeper.settings import Settings
from gatekeeper_scanners import semgrep
from gatekeeper_scanners.bandit import BANDIT
from gatekeeper_scanners.interface import CannotRun, Command, Job, Review, Scanner
from gatekeeper_scanners.semgrep import SEMGREP, expected_files

MakeJob = Callable[..., Job]


@pytest.fixture
def job(tmp_path: Path) -> MakeJob:
    """A job on files that exist in the copy."""

    def make(*files: str) -> Job:
        for name in ("source", "workspace"):
            (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / "source" / file).touch()
        return Job(
            target=tmp_path / "target",
            source=tmp_path / "source",
            files=tuple(sorted(files)),
            workspace=tmp_path / "workspace",
            settings=Settings(cache=tmp_path, data=tmp_path),
        )

    return make


def prepared(scanner: Scanner, job: Job) -> Command:
    """The command of `scanner`."""
    context: AbstractContextManager[Command] = scanner.prepare(job)
    with context as command:
        return command


def reviewed(scanner: Scanner, job: Job, report: object) -> Review:
    """The review of a report."""
    return scanner.review(job, prepared(scanner, job), json.dumps(report).encode())


@pytest.mark.parametrize("scanner", [BANDIT, SEMGREP], ids=lambda scanner: scanner.name)
def test_nothing_to_read_is_refused(scanner: Scanner, job: MakeJob) -> None:
    """Without a file the tool would report zero findings, which proves nothing."""
    with pytest.raises(CannotRun) as refusal:
        prepared(scanner, job())
    assert refusal.value.problem.code == "nothing-to-scan"


def test_bandit_reads_the_copy_with_configuration_of_ours(job: MakeJob) -> None:
    """Bandit gets a configuration and an ini file of ours, and no exclusion of its own."""
    asked = job("a.py", "b.pyw")
    command = prepared(BANDIT, asked)
    assert (command.cwd, command.files_seen) == (asked.source, 2)
    arguments = command.arguments
    for option in ("-c", "--ini"):
        assert Path(arguments[arguments.index(option) + 1]).is_relative_to(asked.workspace)
    assert arguments[arguments.index("-x") + 1] == ""
    assert command.rules_digest is not None


def test_semgrep_reads_our_rules_alone_without_metrics_and_hidden_files(job: MakeJob) -> None:
    """Semgrep runs the shipped rules; an empty ignore file switches off its own list of hidden folders."""
    asked = job("a.py")
    command = prepared(SEMGREP, asked)
    arguments = command.arguments
    assert arguments[arguments.index("--config") + 1] == str(rules_folder() / "semgrep")
    assert arguments[arguments.index("--metrics") + 1] == "off"
    assert {"--disable-version-check", "--no-git-ignore", "--oss-only"} <= set(arguments)
    assert (asked.source / ".semgrepignore").read_bytes() == b""
    assert command.environ["SEMGREP_SEND_METRICS"] == "off"


@pytest.mark.parametrize(
    ("scanner", "report"),
    [
        (BANDIT, {"metrics": {"_totals": {}, "./a.py": {}}}),
        (SEMGREP, {"paths": {"scanned": ["a.py"]}}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_file_that_the_tool_left_out_is_a_problem(scanner: Scanner, report: object, job: MakeJob) -> None:
    """The tool names the files it read; one that is missing there is counted."""
    (problem,) = reviewed(scanner, job("a.py", "b.py"), report).problems
    assert (problem.code, problem.params) == ("files-not-scanned", {"files": 1})


@pytest.mark.parametrize(
    ("scanner", "report"),
    [
        (BANDIT, {"metrics": {"_totals": {}, "./a.py": {}}}),
        (SEMGREP, {"paths": {"scanned": ["a.py", "other.txt"]}}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_complete_report_is_kept_as_it_is(scanner: Scanner, report: object, job: MakeJob) -> None:
    """When every file was read there is no problem, and the bytes are the tool's."""
    review = reviewed(scanner, job("a.py"), report)
    assert (review.problems, review.report) == ((), json.dumps(report).encode())


@pytest.mark.parametrize("scanner", [BANDIT, SEMGREP], ids=lambda scanner: scanner.name)
@pytest.mark.parametrize("report", [[], {}, "x", {"metrics": {}, "paths": {}}], ids=repr)
def test_report_of_another_shape_never_proves_anything(
    scanner: Scanner, report: object, job: MakeJob
) -> None:
    """A report that names no file is kept for its reader to refuse, or every file counts as not read."""
    review = reviewed(scanner, job("a.py"), report)
    assert review.report == json.dumps(report).encode()
    assert bool(review.problems) == isinstance(report, dict)


def test_shipped_rules_are_of_known_languages_and_listed_files() -> None:
    """Each language of our rules has patterns, and the manifest hands their files to the tool."""
    languages = semgrep._languages(rules_folder() / "semgrep")
    assert languages
    listed = set(SEMGREP.manifest.files)
    for language in languages - {"generic", "regex"}:
        assert set(semgrep.LANGUAGES[language]) <= listed


def test_rules_of_one_language_expect_its_files_alone(tmp_path: Path) -> None:
    """Only files that a rule reads count as seen."""
    (tmp_path / "r.yaml").write_text("rules: [{id: a, languages: [js]}]")
    assert expected_files(("a.py", "b.js", "c/d.mjs"), tmp_path) == {"b.js", "c/d.mjs"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "no-rules"),
        ("rules: []", "no-rules"),
        ("rules: [{id: a, languages: [klingon]}]", "rules-damaged"),
        ("rules: 3", "rules-damaged"),
        ("rules: [{id: a}]", "rules-damaged"),
        ("{", "rules-damaged"),
    ],
)
def test_rules_that_cannot_be_used_are_named(tmp_path: Path, text: str | None, code: str) -> None:
    """Damaged or missing rules stop the run: without rules nothing would be found."""
    if text is not None:
        (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(CannotRun) as refusal:
        expected_files(("a.py",), tmp_path)
    assert refusal.value.problem.code == code
