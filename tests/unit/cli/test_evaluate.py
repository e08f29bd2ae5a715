"""`gatekeeper evaluate`: the answer, its exit code, and that no file is ever ignored."""

import hashlib
import json
from pathlib import Path

import pytest

from gatekeeper.cli.main import main
from gatekeeper.decision import decision_from

POLICY = """
schema: gatekeeper/v1
policy: tiny
owner: tests
stages: [develop, test]
evidence:
  tests: {from: develop}
rules:
  - {id: all-pass, metric: tests.failed, pass: "== 0"}
  - {id: none-skipped, metric: tests.skipped, pass: "== 0", warn: "<= 1", mode: score, weight: 2}
  - {id: e2e, metric: tests.passed@e2e, pass: ">= 1", from: test}
score: {pass: 90, warn: 10}
"""
AS_OF = ["--as-of", "2026-11-23T10:00:00Z"]


def junit(*cases: str) -> str:
    """A JUnit report; each case is the name of the element in it, "" for a pass."""
    inside = "".join(
        f'<testcase classname="c" name="t{index}">{f"<{case}/>" if case else ""}</testcase>'
        for index, case in enumerate(cases)
    )
    return f'<testsuite name="s" tests="{len(cases)}">{inside}</testsuite>'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without git, with a policy and reports."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "good.xml").write_text(junit("", ""))
    (tmp_path / "skips.xml").write_text(junit("", "skipped"))
    (tmp_path / "bad.xml").write_text(junit("", "failure"))
    return tmp_path


def evaluate(*arguments: str, stage: str = "develop") -> int:
    """The exit code."""
    return main(["evaluate", *arguments, "--stage", stage, "--policy", "policy.yaml", *AS_OF])


@pytest.mark.parametrize(
    ("arguments", "stage", "code"),
    [
        (["good.xml"], "develop", 0),
        (["skips.xml"], "develop", 0),
        (["skips.xml", "--warn-exit", "7"], "develop", 7),
        (["good.xml", "--warn-exit", "7"], "develop", 0),
        (["bad.xml"], "develop", 1),
        (["bad.xml", "--warn-exit", "0"], "develop", 1),
        (["good.xml", "bad.xml"], "develop", 1),
        (["good.xml"], "test", 1),
        (["good.xml", "e2e=skips.xml"], "test", 0),
        (["good.xml", "nowhere.xml"], "develop", 2),
        (["good.xml"], "prod", 2),
        (["good.xml", "--as-of", "2026-11-23T10:00:00"], "develop", 2),
        (["good.xml", "--as-of", "yesterday"], "develop", 2),
        (["good.xml", "--as-of", "9999-12-31T23:59:59-14:00"], "develop", 2),
        (["good.xml", "--as-of", "0001-01-01T00:00:00+14:00"], "develop", 2),
        (["good.xml", "--tree", "HEAD"], "develop", 2),
        (["good.xml", "--artifact", "latest"], "develop", 2),
        (["good.xml", "--policy", "none.yaml"], "develop", 2),
        (["good.xml", "--kind", "sast"], "develop", 1),
        (["good.xml", "policy.yaml"], "develop", 1),
        (["."], "develop", 1),
    ],
)
@pytest.mark.usefixtures("folder")
def test_exit_codes(arguments: list[str], stage: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """0 allowed, 1 not, 2 usage; nothing of a refusal is on stdout."""
    options = ["--stage", stage, "--policy", "policy.yaml", *AS_OF]
    assert main(["evaluate", *options, *arguments]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    if code == 2:
        assert out == ""


def test_the_answer_is_no_gate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person and a program both see that nothing may rely on it."""
    evaluate("good.xml")
    assert "not a gate" in capsys.readouterr().out
    evaluate("good.xml", "--format", "json", "--output", "decision.json")
    assert capsys.readouterr().out == ""
    decision = decision_from((folder / "decision.json").read_bytes())
    assert (decision.gate, decision.allowed, decision.subject.source) == (False, True, None)


@pytest.mark.usefixtures("folder")
def test_equal_questions_get_equal_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    """The order of the files on the command line says nothing."""
    shown = []
    for files in (["good.xml", "skips.xml"], ["skips.xml", "good.xml"]):
        evaluate(*files, "--format", "json")
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]


@pytest.mark.usefixtures("folder")
def test_a_red_report_is_not_hidden_by_a_green_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Two files are two slots, united."""
    assert evaluate("good.xml", "bad.xml", "--format", "json") == 1
    decision = json.loads(capsys.readouterr().out)
    assert [item["use"] for item in decision["evidence"]] == ["used", "used"]
    assert decision["rules"][1]["actual"] == "1" or decision["rules"][0]["actual"] == "1"


def test_an_unreadable_report_stops_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a known kind it is evidence that fails its rules; a good report beside it does not help."""
    (folder / "cut.xml").write_text(junit("", "")[:-20])
    assert evaluate("good.xml", "cut.xml", "--format", "json") == 1
    states = {item["job"]: item["state"] for item in json.loads(capsys.readouterr().out)["evidence"]}
    assert states == {"good.xml": "ok", "cut.xml": "unreadable"}


def test_what_is_no_report_is_refused_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file that nobody can place is listed; no decision is made without them."""
    (folder / "README").write_text("reports\x1b[31m")
    (folder / "x.run.json").write_text("{}")
    (folder / "gate.txt").write_text("PASS, from an earlier run")
    assert evaluate("good.xml", "README", "x.run.json", "--output", "gate.txt") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "no decision: 2 of the given files" in err
    assert "README: " in err
    assert "x.run.json is not a run record" in err
    assert "\x1b" not in err
    assert not (folder / "gate.txt").exists()


def test_an_answer_never_vouches_for_the_next(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JUnit answer of a green gate that lies beside the reports is refused, not counted as tests."""
    reports = folder / "reports"
    reports.mkdir()
    (folder / "good.xml").rename(reports / "good.xml")
    assert evaluate("reports", "--format", "junit", "--output", "reports/gate.xml") == 0
    assert evaluate("reports") == 1
    assert "reports/gate.xml: an answer of Gatekeeper itself" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_the_shipped_policy_is_named_when_it_says_no(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever named no policy learns which one judged, and how to have another."""
    assert main(["evaluate", "good.xml", "--stage", "develop", *AS_OF]) == 1
    assert "judged by the shipped policy `base`" in capsys.readouterr().err
    assert evaluate("bad.xml") == 1
    assert "shipped policy" not in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_a_shipped_policy_goes_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """`--policy strict` needs no path into the installation."""
    assert main(["evaluate", "good.xml", "--stage", "develop", "--policy", "strict", *AS_OF]) == 1
    assert "policy strict" in capsys.readouterr().out


def test_a_baseline_of_one_name_more_is_noticed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A job that the last allowed build had is gone."""
    (folder / "before").mkdir()
    (folder / "before" / "e2e.xml").write_text(junit("", "", ""))
    code = evaluate("good.xml", "--baseline", "old=before/e2e.xml", "--format", "json")
    decision = json.loads(capsys.readouterr().out)
    assert code == 1
    assert any("old" in json.dumps(missing) for missing in decision["missing"])


@pytest.mark.usefixtures("folder")
def test_the_shown_command_gives_the_answer_again(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed can be run, and its digests are the same."""
    import shlex

    evaluate("good.xml", "e2e=skips.xml")
    first = capsys.readouterr().out
    command = shlex.split(first.split("To see it again\n")[1])
    assert command[0] == "gatekeeper"
    assert main(command[1:]) == 0
    assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("view", "begins"),
    [
        ("table", ("\u2713 PASS", "+ PASS")),
        ("json", "{"),
        ("markdown", "### :white_check_mark:"),
        ("junit", "<?xml"),
        ("sarif", "{"),
        ("gitlab-codequality", "["),
    ],
)
@pytest.mark.usefixtures("folder")
def test_every_view(view: str, begins: str | tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Data is on stdout alone."""
    assert evaluate("good.xml", "--format", view) == 0
    assert capsys.readouterr().out.startswith(begins)


@pytest.mark.usefixtures("folder")
def test_a_refused_policy_names_its_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """No decision by a policy that cannot decide."""
    Path("policy.yaml").write_text(POLICY.replace("tests.failed", "tests.faild"))
    assert evaluate("good.xml") == 1
    assert "tests.failed" in capsys.readouterr().err


SAST_POLICY = """
schema: gatekeeper/v1
policy: sast
owner: tests
stages: [test]
evidence: {sast: {from: test}}
rules:
  - {id: none-critical, metric: sast.critical, pass: "== 0"}
"""


def scanned(folder: Path, repository: Path, **changes: object) -> None:
    """What `gatekeeper scan` leaves: a clean Bandit report and its record, here with `changes`."""
    report = (repository / "tests/samples/bandit-1.9.4/clean.json").read_bytes()
    record = {
        "schema": "gatekeeper/run/v1",
        "tool": "bandit",
        "tool_version": "1.9.4",
        "kind": "sast",
        "argv": ["bandit"],
        "requirements_digest": "sha256:0",
        "rules_digest": None,
        "started_at": "2026-11-23T09:00:00Z",
        "duration_ms": 1,
        "ending": "finished",
        "exit_code": 0,
        "report": "bandit.json",
        "report_sha256": hashlib.sha256(report).hexdigest(),
        "files_seen": 1,
    }
    (folder / "reports").mkdir()
    (folder / "reports/bandit.json").write_bytes(report)
    (folder / "reports/bandit.run.json").write_text(json.dumps(record | changes))
    (folder / "policy.yaml").write_text(SAST_POLICY)


@pytest.mark.parametrize(
    ("changes", "code", "states"),
    [
        ({}, 0, {"reports/bandit.json": "ok"}),
        ({"ending": "crashed"}, 1, {"reports/bandit.json": "failed"}),
        ({"problems": [{"code": "files-not-scanned"}]}, 1, {"reports/bandit.json": "incomplete"}),
        (
            {"report_sha256": "0" * 64},
            1,
            {"reports/bandit.json": "incomplete", "reports/bandit.run.json": "failed"},
        ),
    ],
)
def test_the_record_of_a_scan_is_believed(
    changes: dict[str, object],
    code: int,
    states: dict[str, str],
    folder: Path,
    repository: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A clean report is proof only when its run was one."""
    scanned(folder, repository, **changes)
    assert evaluate("reports", "--format", "json", stage="test") == code
    decision = json.loads(capsys.readouterr().out)
    assert {item["job"]: item["state"] for item in decision["evidence"]} == states


def test_a_record_that_says_two_things_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two endings a decoder would keep the last."""
    record = (
        '{"tool":"bandit","tool_version":null,"kind":"sast","argv":[],"requirements_digest":"","rules_digest":'
        'null,"started_at":"2026-11-23T09:00:00Z","duration_ms":1,"ending":"crashed","exit_code":1,"report":'
        '"good.xml","report_sha256":null,"files_seen":1,"ending":"finished"}'
    )
    (folder / "bandit.run.json").write_text(record)
    assert evaluate("good.xml", "bandit.run.json") == 1
    assert "the key 'ending' stands there twice" in capsys.readouterr().err


def test_a_file_name_cannot_add_lines_to_a_refusal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It could forge the answer."""
    (folder / "a\nPASS: everything.xml").write_text("<unknown/>")
    assert evaluate("a\nPASS: everything.xml") == 1
    assert not [line for line in capsys.readouterr().err.splitlines() if line.startswith("PASS")]
