"""What a typical build sends: 200 tests, coverage of 200 files, 50 findings, 40 dependencies. It passes."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import generate_coverage
import generate_findings
import generate_junit

TESTS, FILES, FINDINGS, DEPENDENCIES = 200, 200, 25, 40


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A report as it is uploaded."""

    name: str
    data: bytes


def typical() -> tuple[Sent, ...]:
    """The five reports of a build that the policy `base` lets into its second stage."""
    return (
        Sent(name="unit", data=junit(TESTS).encode()),
        Sent(name="unit", data=_coverage()),
        Sent(name="bandit", data=_json(_bandit())),
        Sent(name="semgrep", data=_json(_semgrep())),
        Sent(name="pip-audit", data=_json(_pip_audit())),
    )


def junit(tests: int, mark: str = "") -> str:
    """A report in which so many tests pass; `mark` makes the bytes others."""
    suite = "tests.unit.area_{}.test_module"
    cases = "".join(
        f'<testcase classname="{suite.format(n % 12)}" name="test_case_{n}{mark}" time="0.01"/>\n'
        for n in range(tests)
    )
    return (
        f'<testsuites><testsuite name="unit" tests="{tests}" failures="0">\n{cases}</testsuite></testsuites>'
    )


def sarif(findings: int) -> bytes:
    """A SARIF log with so many findings."""
    return _made(generate_findings.sarif, findings)


def large(megabytes: float) -> tuple[Sent, ...]:
    """One report of this size of each of the four formats that are uploaded largest."""
    return (
        Sent(name="junit", data=_made(generate_junit.junit, megabytes)),
        Sent(name="cobertura", data=_made(generate_coverage.cobertura, megabytes)),
        Sent(name="coverage-py", data=_made(generate_coverage.coverage_py, megabytes)),
        Sent(name="sarif", data=_made(generate_findings.sarif_of_size, megabytes)),
    )


def _made(make: Any, size: float) -> bytes:
    with tempfile.TemporaryDirectory(prefix="gatekeeper-bench-") as folder:
        path = Path(folder) / "report"
        make(path, size)
        return path.read_bytes()


def _coverage() -> bytes:
    return generate_coverage.coverage_py_of_files(FILES).encode()


def _bandit() -> dict[str, Any]:
    results = [
        {
            "filename": f"app/module_{n % 20}.py", "line_number": 10 + n, "line_range": [10 + n],
            "code": f"{n} x()\n", "col_offset": 4, "end_col_offset": 20,
            "test_id": f"B{101 + n % 9}", "test_name": "assert_used",
            "issue_text": f"Use of something doubtful, number {n}.",
            "issue_severity": "MEDIUM" if n < 2 else "LOW", "issue_confidence": "HIGH",
            "issue_cwe": {"id": 703, "link": "https://cwe.mitre.org/703"},
            "more_info": "https://bandit.readthedocs.io/",
        }
        for n in range(FINDINGS)
    ]  # fmt: skip
    files = {f"app/module_{n}.py": {"loc": 120, "nosec": 0, "skipped_tests": 0} for n in range(FILES)}
    totals = {"_totals": {"loc": 120 * FILES, "nosec": 0, "skipped_tests": 0}}
    return {
        "errors": [],
        "generated_at": "2026-11-23T06:00:00Z",
        "metrics": totals | files,
        "results": results,
    }


def _semgrep() -> dict[str, Any]:
    results = [
        {
            "check_id": f"python.lang.rule-{n % 7}", "path": f"app/module_{n % 20}.py",
            "start": {"line": 30 + n, "col": 1, "offset": 0}, "end": {"line": 30 + n, "col": 9, "offset": 8},
            "extra": {
                "message": f"Doubtful thing {n}", "severity": "INFO", "metadata": {"category": "security"},
                "fingerprint": f"{n:064x}", "lines": f"doubtful({n})", "is_ignored": False,
                "engine_kind": "OSS",
            },
        }
        for n in range(FINDINGS)
    ]  # fmt: skip
    scanned = [f"app/module_{n}.py" for n in range(FILES)]
    return {
        "version": "1.185.0",
        "errors": [],
        "results": results,
        "paths": {"scanned": scanned, "skipped": []},
    }


def _pip_audit() -> dict[str, Any]:
    names = [(f"package-{n}", f"1.{n}.0") for n in range(DEPENDENCIES)]
    return {
        "dependencies": [{"name": name, "version": version, "vulns": []} for name, version in names],
        "fixes": [],
    }


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode()
