"""`gatekeeper explain`: a stored decision, read back."""

import io
import json
import sys
from pathlib import Path

import msgspec
import pytest

from gatekeeper.cli.main import main
from gatekeeper.decision import Decision, as_json
from gatekeeper.evidence import Problem


def test_it_shows_all_that_is_stored(
    failing: Decision, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Verdict, arithmetic, whole digests; it ends with 0, because showing worked."""
    path = tmp_path / "decision.json"
    path.write_bytes(as_json(failing))
    assert main(["explain", str(path)]) == 0
    shown = capsys.readouterr().out
    for part in ("FAIL", "1.5 of 3 points", failing.digests.inputs, failing.digests.outputs, "not a gate"):
        assert part in shown


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b"<xml/>", b"\xff\xfe", b'{"id": 1}', b"[" * 200_000]
)
def test_anything_else_is_refused(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the file named and the way to make a decision."""
    path = tmp_path / "x.json"
    path.write_bytes(content)
    assert main(["explain", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "x.json is not a decision" in err
    assert "evaluate --format json" in err


def test_a_missing_file_is_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As everywhere."""
    assert main(["explain", str(tmp_path / "none.json")]) == 2
    assert "there is no file" in capsys.readouterr().err


@pytest.mark.parametrize("view", ["markdown", "junit", "sarif", "gitlab-codequality", "json"])
def test_other_views_of_a_stored_decision(
    view: str, failing: Decision, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The findings are not stored in it, the rules are."""
    path = tmp_path / "decision.json"
    path.write_bytes(as_json(failing))
    assert main(["explain", str(path), "--format", view]) == 0
    assert "sast-high" in capsys.readouterr().out


def test_a_decision_from_stdin(
    failing: Decision, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`-` reads what another program hands over."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(as_json(failing))))
    assert main(["explain", "-"]) == 0
    assert "pay/api may not enter uat" in capsys.readouterr().out


def test_a_problem_of_another_version_shows_its_code(
    failing: Decision, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A code or a parameter that this version does not know is shown, not a defect."""
    problems = (Problem(code="from-the-future", params={"n": 3}), Problem(code="files-skipped"))
    uses = tuple(msgspec.structs.replace(item, problems=problems) for item in failing.evidence)
    path = tmp_path / "decision.json"
    path.write_bytes(as_json(msgspec.structs.replace(failing, evidence=uses)))
    assert main(["explain", str(path)]) == 0
    out = capsys.readouterr().out
    assert "from-the-future" in out
    assert "files-skipped" in out


def test_a_file_without_end_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A device never ends; no more is read than a decision may have."""
    monkeypatch.setattr("gatekeeper.cli.explain.MAX_DECISION_BYTES", 1_000)
    assert main(["explain", "/dev/zero"]) == 1
    assert "/dev/zero is larger than a decision may be: 1,000 bytes" in capsys.readouterr().err


@pytest.mark.parametrize("view", ["table", "markdown", "junit", "sarif", "gitlab-codequality", "json"])
def test_an_edited_decision_is_shown_without_harm(
    view: str, failing: Decision, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anything may stand in a stored file: escapes in any text, parameters of any type."""
    path = tmp_path / "decision.json"
    plain = json.loads(as_json(failing))
    plain["stage"] += "\x1b[31m\x9b2J\u202e"
    for item in plain["evidence"]:
        item["format"] = item["sha256"] = "\x1b[31m\x9b2J\u202e"
    for rule in plain["rules"]:
        rule["message"]["params"]["problems"] = 7
        if rule["remedy"]:
            rule["remedy"] |= {"text": "", "params": {"problems": 7}}
    path.write_text(json.dumps(plain))
    assert main(["explain", str(path), "--format", view]) == 0
    shown = capsys.readouterr().out
    assert not set(shown) & set("\x1b\x9b\u202e")
