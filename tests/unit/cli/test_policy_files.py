"""Where the commands look for what a policy file extends."""

from pathlib import Path

import pytest

from gatekeeper.cli.main import main
from gatekeeper.cli.policy_files import policy_at
from gatekeeper.policy.load import PolicyRefused

OWN_BASE = """
schema: gatekeeper/v1
policy: team-base
owner: tests
stages: [develop, test]
rules:
  - {id: all-pass, metric: tests.failed, pass: "== 0"}
"""
CHILD = """
schema: gatekeeper/v1
policy: pay
owner: tests
extends: {pin}
rules:
  - {{id: some, metric: tests.passed, pass: ">= 1"}}
"""
PRODUCTION = """
schema: gatekeeper/v1
policy: careful
owner: tests
stages: [production]
rules:
  - {id: all-pass, metric: tests.failed, pass: "== 0"}
  - id: few
    metric: coverage.line
    pass: ">= 80"
    only_if: {coverage.lines_total: ">= 100"}
    loosen_reason: small files say little
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a policy that others extend."""
    (tmp_path / "team-base.yaml").write_text(OWN_BASE)
    return tmp_path


def pinned(folder: Path, pin: str) -> Path:
    """A policy in the folder that extends `pin`."""
    path = folder / "pay.yaml"
    path.write_text(CHILD.format(pin=pin))
    return path


def refusal(path: Path) -> str:
    """Why the policy at `path` is refused, each fault on a line."""
    with pytest.raises(PolicyRefused) as refused:
        policy_at(path)
    return "\n".join(map(str, refused.value.errors))


def test_a_file_beside_it_is_extended_when_its_digest_is_pinned(folder):
    """The digest names the content, so it does not matter whose file it is."""
    pin = policy_at(folder / "team-base.yaml").digest[:19]
    policy = policy_at(pinned(folder, f"team-base@{pin}"))
    assert {rule.id for rule in policy.rules} == {"all-pass", "some"}
    (folder / "team-base.yaml").write_text(OWN_BASE.replace("== 0", "<= 1"))
    assert f"is not {pin}: its digest is sha256:" in refusal(pinned(folder, f"team-base@{pin}"))


def test_a_shipped_policy_is_extended(folder):
    """What ships needs no copy beside the file."""
    pin = policy_at(Path("strict")).digest[:19]
    path = pinned(folder, f"strict@{pin}")
    path.write_text(path.read_text().replace("id: some", "id: some-more"))
    inherited = {rule.id for rule in policy_at(Path("strict")).rules}
    assert {rule.id for rule in policy_at(path).rules} == {*inherited, "some-more"}


def test_a_version_of_a_file_is_refused_with_the_line_to_write(folder):
    """Nobody can tell which version a file is."""
    found = refusal(pinned(folder, "team-base@3"))
    digest = policy_at(folder / "team-base.yaml").digest
    assert f"write extends: team-base@{digest[:19]}" in found


def test_a_policy_that_is_nowhere_is_refused_with_what_to_do(folder):
    """The refusal names the file that would be looked for."""
    assert "put other.yaml beside pay.yaml" in refusal(pinned(folder, "other@3"))


def test_lint_prints_a_note_about_a_rule_that_is_not_monotone(tmp_path, monkeypatch, capsys):
    """A reason lets it through, and still a person sees it; the note is talk, not data."""
    monkeypatch.chdir(tmp_path)
    Path("careful.yaml").write_text(PRODUCTION)
    assert main(["policy", "lint", "careful.yaml"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "careful.yaml: note: rule few is not monotone" in err
    Path("careful.yaml").write_text(PRODUCTION.replace("    loosen_reason: small files say little\n", ""))
    assert main(["policy", "lint", "careful.yaml"]) == 1
    assert "rules[1].only_if: not monotone" in capsys.readouterr().out
