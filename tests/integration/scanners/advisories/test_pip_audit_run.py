"""The real pip-audit against the mirror: what it finds, and everything that must not read as clean."""

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatekeeper import clock
from gatekeeper.evidence import State
from gatekeeper.finding import Severity
from gatekeeper.run_record import Ending
from gatekeeper.settings import Settings
from gatekeeper_scanners import pip_audit
from gatekeeper_scanners.advisories.importer import import_advisories
from gatekeeper_scanners.advisories.records import CANARY_PACKAGE
from gatekeeper_scanners.interface import Job
from gatekeeper_scanners.pip_audit import PIP_AUDIT
from gatekeeper_scanners.scan_result import ScanResult, ToolRun

Audit = Callable[..., ToolRun]


@pytest.fixture
def audit(run_scan: Callable[..., ScanResult], mirrored: Settings, tmp_path: Path) -> Audit:
    """One run of pip-audit over a folder with the given files."""

    def run(settings: Settings = mirrored, **files: str) -> ToolRun:
        target = tmp_path / "audited"
        for name, text in files.items():
            path = target / name.replace("__", "/").replace("_txt", ".txt")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        target.mkdir(exist_ok=True)
        [found] = run_scan(target, [PIP_AUDIT], settings=settings).runs
        return found

    return run


def codes(run: ToolRun) -> list[str]:
    """The problem codes of the record."""
    return [problem.code for problem in run.record.problems]


def found(run: ToolRun) -> dict[str, list[str]]:
    """`name version` -> ids as the report has them."""
    assert run.report_path is not None
    report = json.loads(run.report_path.read_bytes())
    return {f"{d['name']} {d['version']}": [v["id"] for v in d["vulns"]] for d in report["dependencies"]}


def changed(settings: Settings, sql: str, *values: Any) -> list[Any]:
    """The rows that `sql` gives on the records; the digests that guard the mirror are written again."""
    folder = settings.advisories
    pointer = json.loads((folder / "current").read_bytes())
    home = folder / "generations" / pointer["generation"]
    with closing(sqlite3.connect(home / "records.sqlite")) as db, db:
        rows = db.execute(sql, values).fetchall()
    manifest = json.loads((home / "manifest.json").read_bytes())
    manifest["file_sha256"] = hashlib.sha256((home / "records.sqlite").read_bytes()).hexdigest()
    (home / "manifest.json").write_text(json.dumps(manifest))
    pointer["manifest_sha256"] = hashlib.sha256((home / "manifest.json").read_bytes()).hexdigest()
    (folder / "current").write_text(json.dumps(pointer))
    return rows


def test_known_problems_are_found_and_rated(audit: Audit) -> None:
    """Both versions of one package, markers or not; ids and fixes by the record, severity by its vector."""
    run = audit(
        requirements_txt="Flask==2.3.0\nwerkzeug==3.0.2 ; python_version < '3.0'\n"
        "requests==2.19.1\n-r requirements/dev.txt",
        requirements__dev_txt="flask==2.2.5\nurllib3==2.0.6\nJinja2==2.10\n-e .",
    )
    assert (run.record.ending, run.record.exit_code, codes(run)) == (Ending.FINISHED, 1, [])
    assert found(run) == {
        "flask 2.2.5": [],
        "flask 2.3.0": ["PYSEC-2023-62"],
        "jinja2 2.10": ["PYSEC-2019-217"],
        "requests 2.19.1": ["PYSEC-2018-28"],
        "urllib3 2.0.6": ["PYSEC-2023-212"],
        "werkzeug 3.0.2": ["CVE-2024-34069"],
    }
    ratings = {name: (rating.severity, rating.cvss) for name, rating in run.record.ratings.items()}
    assert ratings == {
        "CVE-2024-34069": (Severity.HIGH, "7.5"),
        "PYSEC-2018-28": (Severity.UNKNOWN, None),
        "PYSEC-2019-217": (Severity.HIGH, "8.6"),
        "PYSEC-2023-212": (Severity.MEDIUM, "4.2"),
        "PYSEC-2023-62": (Severity.HIGH, "7.5"),
    }
    assert run.record.database is not None
    assert (run.record.database.records, run.record.database.is_complete) == (7, True)
    assert run.record.files_seen == 2
    document = run.document
    assert (document.state, document.metrics["sca.dependencies"]) == (State.OK, 6)
    assert [document.metrics[f"sca.{word}"] for word in ("high", "medium", "unknown")] == [3, 1, 1]
    assert document.database == run.record.database
    fixed = {f.package.name: f.package.fixed_versions for f in document.findings if f.package}
    assert fixed["flask"] == ("2.2.5", "2.3.2")
    assert fixed["urllib3"] == ("1.26.18", "2.0.7")


def test_a_clean_list_is_clean_by_proof(audit: Audit) -> None:
    """Every version was looked up, and the canary was found before and after."""
    run = audit(requirements_txt="flask==3.0.0\nhttpx==0.28.1\n")
    assert (run.record.exit_code, codes(run), run.document.state) == (0, [], State.OK)
    assert found(run) == {"flask 3.0.0": [], "httpx 0.28.1": []}


def test_the_record_of_a_run_names_no_port_and_no_folder(audit: Audit, tmp_path: Path) -> None:
    """Two runs of the same command are the same words."""
    run = audit(requirements_txt="flask==3.0.0")
    assert not any("127.0.0.1" in word or str(tmp_path) in word for word in run.record.argv)
    assert run.record.argv[:3] == ("pip-audit", "-r", "{output}/requirements.txt")


def test_lines_without_an_exact_version_make_it_incomplete(audit: Audit) -> None:
    """pip-audit would stop at the first or skip them; here the rest is audited, and they are counted."""
    run = audit(requirements_txt="jinja2==2.10\ndjango>=2\ngit+https://user:token@h.invalid/x.git#egg=x\n")
    assert found(run) == {"jinja2 2.10": ["PYSEC-2019-217"]}
    [problem] = run.record.problems
    assert problem.code == "unaudited"
    assert problem.params == {
        "count": 2,
        "what": (
            "requirements.txt:2 django>=2 (no exact version)",
            "requirements.txt:3 git+https://h.invalid/x.git#egg=x "
            "(comes from a file or address, not from an index)",
        ),
    }


def test_nothing_but_skipped_lines_is_not_clean(audit: Audit) -> None:
    """The tool says "No known vulnerabilities found" and exits 0."""
    run = audit(requirements_txt="django\nflask>1")
    assert (run.record.ending, run.record.exit_code, codes(run)) == (Ending.FINISHED, 0, ["unaudited"])
    assert run.document.state is State.INCOMPLETE
    assert run.document.metrics["sca.unaudited"] == 2


def test_without_a_list_nothing_runs(audit: Audit) -> None:
    """A folder without dependency lists is not a folder without problems."""
    run = audit(setup_py="raise SystemExit('executed')")
    assert (run.record.ending, codes(run), run.document.state) == (
        Ending.NOT_STARTED,
        ["no-dependency-list"],
        State.FAILED,
    )


@pytest.mark.parametrize("state", ["missing", "damaged"])
def test_without_a_usable_mirror_nothing_runs(
    audit: Audit, mirrored: Settings, tmp_path: Path, state: str
) -> None:
    """The record says how to get one."""
    settings = replace(mirrored, data=tmp_path / "empty") if state == "missing" else mirrored
    if state == "damaged":
        [file] = mirrored.advisories.rglob("records.sqlite")
        file.write_bytes(file.read_bytes()[:-1])
    run = audit(settings, requirements_txt="jinja2==2.10")
    assert (run.record.ending, codes(run), run.document.state) == (
        Ending.NOT_STARTED,
        [f"advisories-{state}"],
        State.FAILED,
    )


def test_a_partial_mirror_makes_it_incomplete(audit: Audit, mirrored: Settings, records: Path) -> None:
    """It is used, and the evidence says so."""
    import_advisories(records, mirrored.advisories, now=clock.now(), is_partial=True, allow_shrink=True)
    run = audit(requirements_txt="jinja2==2.10")
    assert (codes(run), run.document.state) == (["database-partial"], State.INCOMPLETE)
    assert run.record.database is not None
    assert not run.record.database.is_complete
    assert found(run) == {"jinja2 2.10": ["PYSEC-2019-217"]}


def test_a_question_that_breaks_the_server_is_not_clean(audit: Audit, mirrored: Settings) -> None:
    """pip-audit gets no answer and leaves no report."""
    changed(mirrored, "UPDATE record SET payload = x'00' WHERE id = 'PYSEC-2019-217'")
    run = audit(requirements_txt="jinja2==2.10")
    assert (run.record.ending, run.report_path, run.document.state) == (Ending.CRASHED, None, State.FAILED)


def test_a_mirror_without_its_canary_is_not_started(audit: Audit, mirrored: Settings) -> None:
    """A search that cannot find what is always there finds nothing."""
    changed(mirrored, "DELETE FROM affects WHERE name = ?", CANARY_PACKAGE)
    run = audit(requirements_txt="jinja2==2.10")
    assert (run.record.ending, codes(run)) == (Ending.NOT_STARTED, ["canary-not-found"])


def test_an_advisory_that_the_tool_drops_is_told(audit: Audit, mirrored: Settings) -> None:
    """pip-audit passes over records of a schema that it does not know, with a warning alone."""
    [(payload,)] = changed(mirrored, "SELECT payload FROM record WHERE id = 'PYSEC-2019-217'")
    record = json.loads(zlib.decompress(payload)) | {"schema_version": "2.0.0"}
    future = zlib.compress(json.dumps(record).encode())
    changed(mirrored, "UPDATE record SET payload = ? WHERE id = 'PYSEC-2019-217'", future)
    run = audit(requirements_txt="jinja2==2.10\nflask==3.0.0")
    assert run.record.exit_code == 0
    [problem] = run.record.problems
    assert (problem.code, problem.params["names"]) == ("advisories-lost", ("jinja2 2.10 PYSEC-2019-217",))


def test_a_dependency_that_was_never_looked_up_is_told(mirrored: Settings, tmp_path: Path) -> None:
    """A report that speaks of what nobody asked for proves nothing about it."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "requirements.txt").write_text("flask==3.0.0")
    (tmp_path / "work").mkdir()
    job = Job(
        target=tmp_path / "source",
        source=tmp_path / "source",
        files=("requirements.txt",),
        workspace=tmp_path / "work",
        settings=mirrored,
    )
    with PIP_AUDIT.prepare(job) as command:
        pass
    report = {"dependencies": [{"name": "flask", "version": "3.0.0", "vulns": []}], "fixes": []}
    [problem] = PIP_AUDIT.review(job, command, json.dumps(report).encode()).problems
    assert (problem.code, problem.params["names"]) == ("not-queried", ("flask 3.0.0",))


def test_a_canary_that_is_lost_during_the_run_is_told(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mirror failed somewhere between the first question and the last."""
    answers = iter([True, False])
    monkeypatch.setattr(pip_audit, "_finds_canary", lambda _url: next(answers))
    run = audit(requirements_txt="flask==3.0.0")
    assert (codes(run), run.document.state) == (["canary-not-found"], State.INCOMPLETE)


def test_a_record_that_cannot_be_compared_is_a_finding_and_told(
    audit: Audit, mirrored: Settings, records: Path, tmp_path: Path
) -> None:
    """The versions of the record are no versions: affected until someone knows better."""
    folder = tmp_path / "more"
    folder.mkdir()
    for path in records.glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    odd = json.loads((records / "PYSEC-2018-28.json").read_bytes()) | {"id": "GKT-2024-2", "aliases": []}
    odd["affected"][0]["ranges"][0]["events"] = [{"introduced": "0"}, {"fixed": "r1234"}]
    (folder / "odd.json").write_text(json.dumps(odd))
    import_advisories(folder, mirrored.advisories, now=clock.now())
    run = audit(requirements_txt="requests==2.32.0")
    assert found(run) == {"requests 2.32.0": ["GKT-2024-2"]}
    [problem] = run.record.problems
    assert (problem.code, problem.params["names"]) == ("advisories-uncertain", ("GKT-2024-2",))


def test_the_mirror_is_only_read(audit: Audit, mirrored: Settings) -> None:
    """A scan changes no byte of it."""
    [file] = mirrored.advisories.rglob("records.sqlite")
    before = file.read_bytes()
    audit(requirements_txt="jinja2==2.10")
    assert file.read_bytes() == before
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        assert db.execute("SELECT count(*) FROM record").fetchone() == (8,)
    db.close()
