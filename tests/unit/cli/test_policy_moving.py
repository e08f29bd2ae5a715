"""`gatekeeper policy show` says who signs, when, on which path, and what waivers may do."""

from pathlib import Path

import pytest

from gatekeeper.cli.main import main


def test_a_release_process_reads_like_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Order, window, signatures, the hotfix path and the limits of waivers, each in words."""
    assert main(["policy", "show", "novabrain"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    for said in (
        "order after an allowed decision for staging blocks here",
        "window mon tue wed thu 10:00-17:00 (Asia/Shanghai); not on 2026-10-01",
        "frozen until 2027-02-12 16:00 UTC: Spring Festival",
        "approval.tech-lead signed by a person with the role tech-lead blocks here",
        "bound from production on, of a protected ref from production on",
        "Signatures never by author, deployer one person signs in one role only",
        "or a finding of severity high or above appears",
        "On the path hotfix, for hotfix/* where protected test > production, in this order",
        "then qa-lead owes within 3d",
        "granted by the role security, never by their owner, for at most 90 days",
        "at most 14 days when they cover something critical or worse",
    ):
        assert said in words


def test_signatures_with_conditions_say_when(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A demand that does not always apply names its conditions."""
    file = tmp_path / "policy.yaml"
    file.write_text(
        """\
schema: gatekeeper/v1
policy: signed
owner: tests
stages: [test]
rules:
  - {id: run, title: Tests ran, metric: tests.total, pass: ">= 1"}
  - {id: covered, title: Lines are covered, metric: coverage.line, pass: ">= 80", mode: score}
score: {pass: 90}
approvals:
  test: [{role: security, count: 2, if: {score: "< 95", tests.skipped: "> 3"}}]
by_mail: true
"""
    )
    assert main(["policy", "show", str(file)]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "signed by 2 people with the role security, while the score is < 95 and tests.skipped > 3" in words
    assert "also by a link in a mail that works once" in words


def test_a_policy_without_signatures_does_not_speak_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is listed that is not there."""
    assert main(["policy", "show", "base"]) == 0
    out = capsys.readouterr().out
    assert "Signatures" not in out
    assert "order" not in out.split("Waivers")[0]
