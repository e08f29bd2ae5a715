"""`benchmarks/run.py` in its short form: it measures what it says, whatever the figures are."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

_TITLES = (
    "JUnit XML, 2 MB",
    "Cobertura XML, 2 MB",
    "coverage.py JSON, 2 MB",
    "LCOV, 2 MB",
    "SARIF, 2 MB",
    "SARIF, 2,000 findings",
)


_OF_THE_SERVICE = (
    ("Gate query, hit", 12),
    ("Misses", 4),
    ("Upload of 2,000 findings", 3),
    ("Uploads of 20 tests", 2),
    ("Gate query under load", 2),
)
"""Tables for each engine, and their rows."""


def _run(repository: Path, part: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, repository / "benchmarks" / "run.py", part, "--quick"],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=900,
    )


def _rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines() if "│" in line]


def test_the_short_form_prints_every_row_and_equal_answers(repository: Path) -> None:
    """Each file is read by its floor and by ours with the same counts; start and scanners are timed."""
    done = _run(repository, "readers")
    assert done.returncode in {0, 1}, done.stderr  # 1: files this small are all start-up, so goals are missed
    assert done.stderr == ""
    tables = re.split(r"\n\n", done.stdout)
    for title in _TITLES:
        (table,) = (table for table in tables if table.startswith(f"{title} ("))
        rows = _rows(table)
        assert [row[0].split(":")[0].split(",")[0] for row in rows] == ["floor", "gatekeeper"], title
        assert rows[0][-1] == rows[1][-1], title
        assert any(int(count.replace(",", "")) > 0 for count in re.findall(r"[\d,]*\d", rows[0][-1])), title
    for row in ("gatekeeper --help", "bandit", "semgrep", "pip-audit", "side by side"):
        assert re.search(rf"│ {row} +│ +\d+\.\d\d", done.stdout), row
    assert "is not the floor's answer" not in done.stdout


def test_the_rules_are_measured(repository: Path) -> None:
    """A large policy over many findings: the rules alone, and the whole decision."""
    done = _run(repository, "rules")
    assert done.returncode in {0, 1}, done.stderr
    assert "200 rules, 20 of them in CEL, over 5,000 findings" in done.stdout
    for row in ("all rules over united facts", "the whole decision"):
        assert re.search(rf"│ {row}[^│]* +│ +\d+\.\d", done.stdout), row


def test_the_short_form_measures_the_service_on_both_engines(repository: Path) -> None:
    """Every table is there for each engine; uploads take few statements, and a repeated one writes nothing.

    Without the load generator it says what to install, before anything is measured.
    """
    done = _run(repository, "service")
    if shutil.which("wrk") is None:
        assert (done.returncode, done.stdout) == (2, "")
        assert "apt-get install wrk" in done.stderr
        return
    assert done.returncode in {0, 1}, done.stderr  # 1: one short round on a busy machine meets few goals
    assert done.stderr == ""
    tables = re.split(r"\n\n", done.stdout)
    for engine in ("SQLite", "PostgreSQL"):
        for title, count in _OF_THE_SERVICE:
            (table,) = (
                table for table in tables if table.startswith(title) and engine in table.split("┏")[0]
            )
            assert len(_rows(table)) == count, table
    assert " statements, goal" not in done.stdout
    assert " writes, goal" not in done.stdout


def test_the_short_form_replays_stored_decisions(repository: Path) -> None:
    """A policy with a tightened rule turns some of them, and none is left out."""
    done = _run(repository, "replay")
    assert done.returncode in {0, 1}, done.stderr  # 1: the goal is for a machine that does nothing else
    assert "Replay of 1,000 stored decisions, 20 rules, 50 findings" in done.stdout
    counts = re.findall(r"(\d+) (?:pass-to-fail|unchanged)", done.stdout)
    assert sum(map(int, counts)) == 1_000
