"""`gatekeeper policy show`: what a policy demands, in words."""

from pathlib import Path

import pytest

from gatekeeper.cli.main import main

POLICY = """
schema: gatekeeper/v1
policy: payments
owner: security
stages: [develop, test]
rules:
  - {id: all-pass, metric: tests.failed, pass: "== 0"}
  - id: fixable
    title: Nothing critical has a fix
    expr: |
      sca.findings.all(f,
        !(f.severity == "critical" && f.fixable)) && e2e == 0
    needs: {found: sca.findings, e2e: tests.failed@e2e}
    message: A critical dependency vulnerability has a fix
    only_if: {sca.dependencies: "> 0"}
    from: test
    mode: warn
"""


def test_an_expression_is_shown_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its stage on, with what its own names stand for and when it is judged."""
    monkeypatch.setenv("COLUMNS", "400")
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.replace("sca.findings.all", "found.all"))
    assert main(["policy", "show", str(file)]) == 0
    develop, test = capsys.readouterr().out.split("To enter test: all of the above, and")
    assert "fixable" not in develop
    words = " ".join(test.split())
    assert words.startswith("fixable found.all(f, !(f.severity ==")
    assert "(with e2e = tests.failed@e2e, found = sca.findings), only if sca.dependencies > 0" in words
    assert " warns Nothing critical has a fix" in words
