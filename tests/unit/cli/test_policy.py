"""`gatekeeper policy`: lint, test, show, schema."""

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from ruamel.yaml import YAML

from gatekeeper.cli.main import main

GOOD = """
schema: gatekeeper/v1
policy: tiny
owner: tests
stages: [develop, test]
rules:
  - {id: all-pass, title: Every test passes, metric: tests.failed, pass: "== 0"}
  - {id: some, metric: tests.passed, pass: ">= 1", from: test}
tests:
  - name: a failed test stops it
    stage: develop
    as_of: 2026-11-23T10:00:00Z
    given: {metrics: {tests.failed: 1}}
    expect: {outcome: fail, failed: [all-pass]}
"""


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`policy.yaml` in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "policy.yaml"
    path.write_text(GOOD)
    return path


@pytest.mark.usefixtures("policy")
def test_lint_of_a_good_policy_prints_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    """Stdout holds faults alone, so that a pipeline can collect them."""
    assert main(["policy", "lint", "policy.yaml"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "policy.yaml: ok, policy tiny with 2 rules and 1 test" in err


def test_lint_names_every_fault_with_its_line(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, `file:line: key: message`, with the nearest valid name."""
    policy.write_text(GOOD.replace("tests.failed, pass", "tests.faild, pass").replace("owner:", "ownr:"))
    assert main(["policy", "lint", "policy.yaml"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("policy.yaml:") for line in lines)
    assert any("tests.failed" in line for line in lines)
    assert any("owner" in line for line in lines)


@pytest.mark.usefixtures("policy")
def test_tests_pass_and_name_what_they_do_not_show(capsys: pytest.CaptureFixture[str]) -> None:
    """A rule that no test sees failing may be unable to fail."""
    assert main(["policy", "test", "policy.yaml"]) == 0
    out, err = capsys.readouterr()
    assert "1 of 1 passed" in out
    assert "no test sees these rules failing: some" in err


def test_a_failing_test_says_what_it_expected(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On stdout and in JUnit XML, with file and line."""
    policy.write_text(GOOD.replace("outcome: fail", "outcome: pass"))
    assert main(["policy", "test", "policy.yaml", "--junit", "out.xml"]) == 1
    assert "outcome: expected pass, got fail" in capsys.readouterr().out
    suite = ElementTree.parse("out.xml").getroot()[0]  # noqa: S314 - written by ourselves
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")


def test_a_policy_without_tests_is_not_tested(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Zero tests are no pass."""
    policy.write_text(GOOD.split("tests:\n")[0])
    assert main(["policy", "test", "policy.yaml"]) == 1
    assert "no tests in policy.yaml" in capsys.readouterr().err


@pytest.mark.usefixtures("policy")
def test_show_says_what_each_stage_adds(capsys: pytest.CaptureFixture[str]) -> None:
    """The title stands beside the demand; a later stage lists what it adds."""
    assert main(["policy", "show", "policy.yaml"]) == 0
    out = capsys.readouterr().out
    assert "Every test passes" in out
    develop, test = out.split("To enter test: all of the above, and")
    assert "all-pass" in develop
    assert "all-pass" not in test
    assert "tests.passed >= 1" in test


@pytest.mark.usefixtures("policy")
def test_show_of_one_stage_lists_all_that_holds_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Inherited rules included; an unknown stage is usage."""
    assert main(["policy", "show", "policy.yaml", "--stage", "test"]) == 0
    assert "all-pass" in capsys.readouterr().out
    assert main(["policy", "show", "policy.yaml", "--stage", "prod"]) == 2
    assert "develop, test" in capsys.readouterr().err


def test_the_schema_accepts_what_lint_accepts(capsys: pytest.CaptureFixture[str]) -> None:
    """Editors check with it."""
    assert main(["policy", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(json.dumps(YAML(typ="safe").load(GOOD), default=str))
    jsonschema.validate(document, schema)


@pytest.mark.parametrize("command", ["lint", "test", "show"])
def test_a_missing_policy_is_usage(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named."""
    assert main(["policy", command, str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err


RICH = """
schema: gatekeeper/v1
policy: rich
owner: tests
stages: [develop, test]
evidence:
  tests: {from: develop, names: [unit], tools: [pytest], max_age: 24h, allow: {totals-disagree: any}}
rules:
  - id: rate
    metric: tests.pass_rate@unit
    pass: ">= 95"
    warn: ">= 90"
    mode: score
    weight: 3
    only_if: {tests.total@unit: ">= 10"}
    on_too_few: warn
  - {id: steady, metric: tests.total@unit, no_worse_than: {by: 10%}, on_no_baseline: skip}
  - {id: later, metric: tests.flaky@unit, pass: "== 0", mode: block, enforce_from: 2027-01-15}
score: {pass: 90, warn: 75}
"""


def test_show_puts_every_key_in_words(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is demanded, what is tolerated, what happens when it cannot be judged."""
    policy.write_text(RICH)
    assert main(["policy", "show", "policy.yaml"]) == 0
    out = capsys.readouterr().out
    for words in (
        "score: from 90 on it passes, from 75 on it warns",
        "named unit, by pytest, at most 24h old, tolerating totals-disagree",
        "tests.pass_rate@unit >= 95, warns from >= 90 on, only if tests.total@unit >= 10 (else warn)",
        "scores 3",
        "at most 10% worse than the baseline (without one: skipped)",
        "observed until 2027-01-15 00:00 UTC",
        "To enter test: all of the above",
    ):
        assert words in out


@pytest.mark.parametrize("name", ["base", "novabrain", "strict"])
def test_shipped_policies_have_names(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`base` is the shipped policy wherever one stands, also in a checkout with a file of that name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(GOOD)
    assert main(["policy", "show", name]) == 0
    assert capsys.readouterr().out.startswith(f"policy {name}, ")
    assert main(["policy", "lint", name]) == 0
    assert main(["policy", "test", name]) == 0


def test_an_unknown_policy_is_answered_with_the_names_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """A person who guesses learns the names."""
    assert main(["policy", "show", "novel"]) == 2
    assert "base, novabrain, strict" in capsys.readouterr().err
