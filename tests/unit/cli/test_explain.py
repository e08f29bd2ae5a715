"""`gatekeeper explain`: a stored decision, read back."""

from pathlib import Path

import pytest

from gatekeeper.cli.main import main
from gatekeeper.decision import Decision, as_json


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
