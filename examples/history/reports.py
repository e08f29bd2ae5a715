"""The four reports of a build, as the tools write them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Vulnerability:
    """An advisory about one version of a package."""

    id: str
    package: str
    version: str
    fixed_in: str


def junit(project: str, tests: int, failed: Sequence[str] = ()) -> bytes:
    """JUnit XML of so many tests, of which the named ones fail as well."""
    cases = [
        f'<testcase classname="tests.area_{number % 7}" name="test_{number}" time="0.01"/>'
        for number in range(tests)
    ]
    cases += [
        f'<testcase classname="tests.area_x" name="{name}"><failure message="timed out"/></testcase>'
        for name in failed
    ]
    head = f'<testsuite name="{project}" tests="{len(cases)}" failures="{len(failed)}">'
    return (head + "\n".join(cases) + "</testsuite>").encode()


def coverage(files: int, lines: int, covered: float) -> bytes:
    """coverage.py JSON: in each file the first `covered` share of its lines."""
    found = {}
    hit = round(lines * covered)
    for number in range(files):
        found[f"app/module_{number}.py"] = {
            "executed_lines": list(range(1, hit + 1)),
            "missing_lines": list(range(hit + 1, lines + 1)),
            "excluded_lines": [],
            "summary": _summary(hit, lines),
        }
    meta = {"format": 3, "version": "7.17.3", "branch_coverage": False, "show_contexts": False}
    return json.dumps({"meta": meta, "files": found, "totals": _summary(hit * files, lines * files)}).encode()


def bandit(files: int, findings: Sequence[tuple[str, str, int]]) -> bytes:
    """Bandit JSON with findings of (test id, severity, line)."""
    results = [
        {
            "filename": f"app/module_{line % files}.py", "line_number": line, "line_range": [line],
            "code": f"{line} call_{test}_{line}()\n", "col_offset": 4, "end_col_offset": 20,
            "test_id": test, "test_name": "doubtful", "issue_text": f"Doubtful call in line {line}.",
            "issue_severity": severity, "issue_confidence": "HIGH", "more_info": "",
            "issue_cwe": {"id": 703, "link": "https://cwe.mitre.org/703"},
        }
        for test, severity, line in findings
    ]  # fmt: skip
    scanned = {
        f"app/module_{number}.py": {"loc": 80, "nosec": 0, "skipped_tests": 0} for number in range(files)
    }
    totals = {"_totals": {"loc": 80 * files, "nosec": 0, "skipped_tests": 0}}
    return json.dumps({"errors": [], "metrics": totals | scanned, "results": results}).encode()


def pip_audit(packages: Sequence[tuple[str, str]], known: Sequence[Vulnerability]) -> bytes:
    """pip-audit JSON over (name, version), by the advisories that are known on the day."""
    dependencies = [
        {
            "name": name,
            "version": version,
            "vulns": [
                {
                    "id": one.id,
                    "fix_versions": [one.fixed_in],
                    "aliases": [],
                    "description": "Read more there.",
                }
                for one in known
                if (one.package, one.version) == (name, version)
            ],
        }
        for name, version in packages
    ]
    return json.dumps({"dependencies": dependencies, "fixes": []}).encode()


def _summary(hit: int, lines: int) -> dict[str, object]:
    share = 100 * hit / lines if lines else 100.0
    return {
        "covered_lines": hit, "num_statements": lines, "missing_lines": lines - hit, "excluded_lines": 0,
        "percent_covered": share, "percent_covered_display": f"{share:.0f}",
    }  # fmt: skip
