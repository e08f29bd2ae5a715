"""`gatekeeper evaluate --waivers`: exceptions from a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.cli.main import main

POLICY = """
schema: gatekeeper/v1
policy: tiny
owner: tests
stages: [develop]
time_zone: Europe/Berlin
waiver_limits: {max_days: 30}
rules:
  - {id: scan, metric: sast.total, pass: "== 0"}
  - {id: size, metric: sast.files_scanned, pass: ">= 10"}
"""
WAIVERS = """
- id: W-1
  path: "app/*"
  reason: not reachable
  ticket: PAY-7
  owner: ann
  approver: bob
  granted_at: 2026-11-20
  expires_at: 2026-11-23
- {id: W-2, rule: size, accept: ">= 1", reason: small, ticket: PAY-8, owner: ann, approver: bob,
   granted_at: 2026-11-20T08:00:00Z, expires_at: 2026-12-01T00:00:00+01:00}
"""
BANDIT: dict[str, Any] = {
    "errors": [],
    "generated_at": "2026-11-23T09:00:00Z",
    "metrics": {"_totals": {"loc": 3}, "app/db.py": {"loc": 3}},
    "results": [
        {
            "filename": "app/db.py", "line_number": 3, "line_range": [3], "col_offset": 0, "code": "",
            "issue_severity": "HIGH", "issue_confidence": "HIGH", "issue_text": "eval", "test_id": "B307",
            "test_name": "eval", "more_info": "https://example.org", "end_col_offset": 7,
            "issue_cwe": {"id": 78, "link": "https://example.org"},
        }
    ],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a policy, a report with one finding, and waivers."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "bandit.json").write_text(json.dumps(BANDIT))
    (tmp_path / "waivers.yaml").write_text(WAIVERS)
    return tmp_path


def evaluate(*options: str, at: str = "2026-11-23T10:00:00Z") -> int:
    """The exit code."""
    about = ["--stage", "develop", "--policy", "policy.yaml", "--as-of", at]
    return main(["evaluate", "bandit.json", *about, *options])


@pytest.mark.usefixtures("folder")
def test_waivers_of_a_file_are_applied(capsys: pytest.CaptureFixture[str]) -> None:
    """What they set aside stops nothing, and a waiver that does not say what it covers is told."""
    assert evaluate() == 1
    capsys.readouterr()
    assert evaluate("--waivers", "waivers.yaml", "--format", "json") == 0
    shown = capsys.readouterr()
    decision = json.loads(shown.out)
    assert decision["waivers"] == {"used": ["W-1", "W-2"], "expired": [], "unused": []}
    assert [rule["status"] for rule in decision["rules"]] == ["pass", "pass", "waived"]
    assert "waiver W-1 does not say what it covers: taken to cover 1 finding of these reports" in shown.err
    assert "W-2" not in shown.err


@pytest.mark.usefixtures("folder")
def test_a_person_sees_the_exceptions(capsys: pytest.CaptureFixture[str]) -> None:
    """The table and the Markdown name the waivers, and the command gives the answer again."""
    evaluate("--waivers", "waivers.yaml")
    out = capsys.readouterr().out
    assert "Exceptions\n  waivers used: W-1, W-2" in out
    assert "--waivers waivers.yaml" in out
    evaluate("--waivers", "waivers.yaml", "--format", "markdown")
    assert "waivers used&#58; W-1, W-2" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_a_bare_date_counts_whole_in_the_zone_of_the_policy() -> None:
    """On 23 November W-1 holds until 24:00 in Berlin, which is 23:00 in London."""
    assert evaluate("--waivers", "waivers.yaml", at="2026-11-23T22:59:59Z") == 0
    assert evaluate("--waivers", "waivers.yaml", at="2026-11-23T23:00:00Z") == 1


def test_what_is_written_as_covered_is_all_that_is_covered(folder: Path) -> None:
    """A list of covered findings is never widened, not even an empty one."""
    (folder / "waivers.yaml").write_text(WAIVERS.replace("  reason: not", "  covered: []\n  reason: not", 1))
    assert evaluate("--waivers", "waivers.yaml") == 1
    other = "  covered: [{kind: sast, fingerprint: other, severity: critical}]\n  reason: not"
    (folder / "waivers.yaml").write_text(WAIVERS.replace("  reason: not", other, 1))
    assert evaluate("--waivers", "waivers.yaml") == 1


def test_waivers_can_be_json(folder: Path) -> None:
    """The form in which a server hands them out is read as well."""
    waiver = {
        "id": "W-1", "project": folder.name, "stages": [], "scope": "path", "match": "app/*", "accept": None,
        "reason": "r", "ticket": "t", "owner": "ann", "approver": "bob", "approver_roles": ["security"],
        "granted_at": "2026-11-20T00:00:00Z", "expires_at": "2026-12-01T00:00:00Z", "revoked_at": None,
    }  # fmt: skip
    rule = waiver | {"id": "W-2", "scope": "rule", "match": "size", "accept": ">= 1"}
    (folder / "waivers.json").write_text(json.dumps([waiver, rule], indent=1))
    assert evaluate("--waivers", "waivers.json") == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("{}", "is not a list of waivers"),
        ("[1]", "is a number, not a mapping"),
        ("[{id: W}]", "needs exactly one of finding, advisory, package, path, rule"),
        (WAIVERS.replace("path:", "paht:"), "unknown key 'paht'"),
        (WAIVERS.replace("  owner: ann\n", ""), "the key `owner` is missing"),
        (WAIVERS.replace("  expires_at: 2026-11-23\n", ""), "the key `expires_at` is missing"),
        (WAIVERS.replace("2026-11-23", "soon"), "'soon' is not a time"),
        (WAIVERS.replace("2026-11-23", "2026-11-23T10:00:00"), "has no time zone"),
        (WAIVERS.replace("2026-11-23", "9999-12-31"), "out of range"),
        (WAIVERS.replace('">= 1"', "some"), "is not a condition"),
        (WAIVERS.replace("W-2", "W-1"), "the id 'W-1' is used twice"),
        (WAIVERS.replace("ticket: PAY-7", "ticket: 7"), "is not text"),
        (WAIVERS.replace("ticket: PAY-7", "ticket: ''"), "is empty"),
        (WAIVERS.replace("not reachable", "x" * 1001), "the limit is 1,000"),
        (WAIVERS.replace("  owner", "  stages: [prod]\n  owner", 1), "no stage is called 'prod'"),
        (WAIVERS.replace("  owner", "  stages: develop\n  owner", 1), "is not a list"),
        (WAIVERS.replace("  owner", "  covered: [{kind: sast}]\n  owner", 1), "needs kind, fingerprint and"),
        (WAIVERS.replace("  owner", "  rule: scan\n  owner", 1), "needs exactly one of"),
        (WAIVERS.replace("  owner", "  owner: eve\n  owner", 1), "written twice"),
        ("- &a [*a]", "not"),
        ("[" * 5000, "nested deeper"),
        ("\x00", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_list_of_waivers_is_refused(
    folder: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the line, the key and the next step; no answer is given."""
    (folder / "waivers.yaml").write_text(text)
    assert evaluate("--waivers", "waivers.yaml") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert "waivers.yaml:" in err
    assert "Traceback" not in err
