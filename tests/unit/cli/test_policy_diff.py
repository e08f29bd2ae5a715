"""`gatekeeper policy diff`: words, JSON and exit codes."""

import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from gatekeeper.cli.main import main

OLD = """
schema: gatekeeper/v1
policy: pay
owner: security
stages: [test, production]
rules:
  - {id: all-pass, title: Every test passes, metric: tests.failed, pass: "== 0"}
  - {id: cov-line, metric: coverage.line, pass: ">= 80"}
approvals:
  production: [{role: product}]
"""
NEW = """
# stricter coverage, fewer signatures
schema: gatekeeper/v1
policy: pay
owner: security
stages: [test, production]
rules:
  - {id: cov-line, metric: coverage.line, pass: ">= 85"}
  - {id: all-pass, title: "Each\\e[31m test passes", metric: tests.failed, pass: "== 0"}
  - {id: secrets, metric: secrets.total, pass: "== 0", from: production}
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two versions of a policy in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(OLD)
    (tmp_path / "new.yaml").write_text(NEW)
    return tmp_path


def test_the_difference_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each, tighter or looser, with the old and the new bound; nothing steers the terminal."""
    assert main(["policy", "diff", "old.yaml", "new.yaml"]) == 0
    assert capsys.readouterr().out == snapshot("""\
pay -> pay: 2 tighter, 1 looser, 1 changed
  changed  title of rule all-pass: Each�[31m test passes, was Every test passes
  tighter  pass of rule cov-line at every stage: >= 85, was >= 80
  tighter  new: rule secrets at production: secrets.total == 0 (block)
  looser   gone: approval by product at production: 1 person
""")


def test_json_holds_codes_and_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    """A page can tell the same in another language."""
    assert main(["policy", "diff", "old.yaml", "new.yaml", "--format", "json"]) == 0
    out = capsys.readouterr().out
    answer = json.loads(out)
    assert [answer["old"]["name"], answer["new"]["name"]] == ["pay", "pay"]
    assert answer["old"]["digest"] != answer["new"]["digest"]
    assert "\x1b" not in out
    (one,) = (one for one in answer["differences"] if one["code"] == "rule-pass")
    assert one == snapshot(
        {
            "effect": "tighter",
            "form": "changed",
            "code": "rule-pass",
            "params": {"rule": "cov-line"},
            "stages": ["test", "production"],
            "was": ">= 80",
            "now": ">= 85",
            "text": "pass of rule cov-line at every stage: >= 85, was >= 80",
        }
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["old.yaml", "new.yaml"], 0),
        (["old.yaml", "new.yaml", "--exit-code"], 1),
        (["old.yaml", "old.yaml", "--exit-code"], 0),
        (["old.yaml", "new.yaml", "--exit-code", "--format", "json"], 1),
        (["base", "strict"], 0),
        (["old.yaml", "gone.yaml"], 2),
        (["old.yaml"], 2),
    ],
)
def test_exit_codes(arguments: list[str], code: int) -> None:
    """0 also when they differ, unless asked otherwise; 2 for a file that is not there."""
    assert main(["policy", "diff", *arguments]) == code


def test_equal_policies_say_so(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Comments and layout are no difference."""
    (files / "same.yaml").write_text("# why\n" + OLD.replace("[test, production]", "[ test,  production ]"))
    assert main(["policy", "diff", "old.yaml", "same.yaml", "--exit-code"]) == 0
    assert capsys.readouterr().out == "no difference between pay and pay\n"


def test_a_refused_policy_ends_with_1(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its faults are named, and nothing is compared."""
    (files / "bad.yaml").write_text(NEW.replace("rules:", "ruls:"))
    assert main(["policy", "diff", "old.yaml", "bad.yaml"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "bad.yaml" in err
