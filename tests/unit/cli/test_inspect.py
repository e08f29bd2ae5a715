"""`gatekeeper inspect`: the published JSON, the words, the exit codes."""

import hashlib
import io
import json
import os
import sys
import threading
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from gatekeeper.cli.main import main

JUNIT = (
    b'<testsuite name="s" tests="3"><testcase classname="a" name="one" time="0.25"/>'
    b'<testcase classname="a" name="two"><failure message="boom \xe2\x80\xae">at line 3</failure></testcase>'
    b'<testcase classname="a" name="three"><skipped/></testcase></testsuite>'
)


@pytest.fixture
def junit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with `junit.xml`."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "junit.xml"
    path.write_bytes(JUNIT)
    return path


@pytest.mark.usefixtures("junit")
def test_json_of_one_file_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    """Keys in the published order; counts are integers, percentages decimal strings."""
    assert main(["inspect", "junit.xml", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    shown = json.loads(out)
    assert shown == {
        "path": "junit.xml",
        "sha256": hashlib.sha256(JUNIT).hexdigest(),
        "bytes": len(JUNIT),
        "format": "junit",
        "kind": "tests",
        "producer": None,
        "produced_at": None,
        "state": "ok",
        "problems": [],
        "metrics": {
            "tests.total": 3,
            "tests.passed": 1,
            "tests.failed": 1,
            "tests.errors": 0,
            "tests.skipped": 1,
            "tests.flaky": 0,
            "tests.duration_ms": 250,
            "tests.pass_rate": "50.00",
        },
        "findings": [],
    }
    keys = "path sha256 bytes format kind producer produced_at state problems metrics findings"
    assert list(shown) == keys.split()


@pytest.mark.usefixtures("junit")
def test_json_of_several_files_is_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Always whole and valid, also when one of them is unreadable; the exit code tells."""
    (tmp_path / "broken.xml").write_text("<testsuite")
    assert main(["inspect", "junit.xml", "broken.xml", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert [(item["path"], item["state"]) for item in shown] == [
        ("broken.xml", "unreadable"),
        ("junit.xml", "ok"),
    ]


@pytest.mark.usefixtures("junit")
def test_the_words_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    """What it is, its state, its counts, its failed tests."""
    assert main(["inspect", "junit.xml", "--findings"]) == 0
    assert capsys.readouterr().out == snapshot("""\
junit.xml
  junit, tests
  241 bytes, sha256 498b7fe01c425a02058157831a6db796f454209b6162ad1e40000c4d2e23bf97
  state: ok
  tests.total        3
  tests.passed       1
  tests.failed       1
  tests.errors       0
  tests.skipped      1
  tests.flaky        0
  tests.duration_ms  250
  tests.pass_rate    50.00 % (1 of 2)
  failed: a two: boom �
""")


def test_a_report_from_stdin(
    junit: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-` reads the report that another program writes."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(junit.read_bytes())))
    assert main(["inspect", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == "-"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nowhere.xml"], 2, "nowhere.xml does not exist"),
        (["junit.xml", "--format", "junti"], 2, "did you mean junit?"),
        (["junit.xml", "--kind", "sast"], 1, "junit.xml: "),
        (["junit.xml", "--kind", "sats"], 2, "sats"),
    ],
)
@pytest.mark.usefixtures("junit")
def test_what_cannot_be_inspected(
    arguments: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing file and an unknown name are usage; a report of another kind is refused."""
    assert main(["inspect", *arguments]) == code
    assert says in capsys.readouterr().err


def test_a_closed_file_is_no_traceback(junit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder entry that cannot be opened is named."""
    loop = junit.with_name("loop.xml")
    loop.symlink_to(junit.with_name("gone.xml"))
    assert main(["inspect", "."]) == 1
    assert "loop.xml cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"", b"\x00" * 50, b"hello\x1b[31m", b"{" * 100_000, b"[" * 400_000])
def test_hostile_bytes_are_unreadable_and_harmless(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, a named problem, no escape on the terminal."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.json").write_bytes(data)
    assert main(["inspect", "x.json"]) == 1
    out, _ = capsys.readouterr()
    assert "state: unreadable" in out
    assert "\x1b" not in out


def test_findings_are_listed_with_place_and_fix(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code by file and line, dependencies by version and the versions that clear them."""
    monkeypatch.chdir(repository / "tests/samples")
    files = ["bandit-1.9.4/app.json", "pip-audit-2.10.1/vulnerable.json"]
    assert main(["inspect", *files, "--findings"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("  high      B602  app") for line in lines)
    assert any("(fixed in " in line for line in lines)


@pytest.mark.usefixtures("junit")
def test_run_records_are_noted_and_not_inspected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are read together with their report by `evaluate`; alone they leave nothing to inspect."""
    (tmp_path / "bandit.run.json").write_text("{}")
    assert main(["inspect", "."]) == 0
    assert "1 record of a run is left out" in capsys.readouterr().err
    assert main(["inspect", "bandit.run.json"]) == 2
    assert "no report among the given files" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/urandom"])
def test_a_device_is_refused_unread(device: str, capsys: pytest.CaptureFixture[str]) -> None:
    """/dev/zero says that it is empty and can be read for ever."""
    assert main(["inspect", device]) == 1
    shown = capsys.readouterr()
    assert "is a device, not a report" in shown.out + shown.err


def test_a_pipe_by_name_is_read_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What shells write for `<(command)`."""
    pipe = tmp_path / "pipe.xml"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(JUNIT,))
    writer.start()
    assert main(["inspect", str(pipe), "--json"]) == 0
    writer.join()
    assert json.loads(capsys.readouterr().out)["sha256"] == hashlib.sha256(JUNIT).hexdigest()
