"""`benchmarks/run.py` in its short form: it measures what it says, whatever the figures are."""

import re
import subprocess
import sys
from pathlib import Path

_SHORT = ("--megabytes", "2", "--findings", "2000", "--rounds", "1", "--without-peers")
_TITLES = (
    "JUnit XML, 2 MB",
    "Cobertura XML, 2 MB",
    "coverage.py JSON, 2 MB",
    "LCOV, 2 MB",
    "SARIF, 2 MB",
    "SARIF, 2,000 findings",
)


def test_the_short_form_prints_every_row_and_equal_answers(repository: Path) -> None:
    """Each file is read by its floor and by ours with the same counts; start and scanners are timed."""
    done = subprocess.run(
        [sys.executable, repository / "benchmarks" / "run.py", *_SHORT],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode in {0, 1}, done.stderr  # 1: files this small are all start-up, so goals are missed
    assert done.stderr == ""
    tables = re.split(r"\n\n", done.stdout)
    for title in _TITLES:
        (table,) = (table for table in tables if table.startswith(f"{title} ("))
        rows = [
            [cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines() if "│" in line
        ]
        assert [row[0].split(":")[0].split(",")[0] for row in rows] == ["floor", "gatekeeper"], title
        assert rows[0][-1] == rows[1][-1], title
        assert any(int(count.replace(",", "")) > 0 for count in re.findall(r"[\d,]*\d", rows[0][-1])), title
    for row in ("gatekeeper --help", "bandit", "semgrep", "pip-audit", "side by side"):
        assert re.search(rf"│ {row} +│ +\d+\.\d\d", done.stdout), row
    assert "is not the floor's answer" not in done.stdout
