"""`gatekeeper submit` in processes of its own, against a server on loopback."""

import hashlib
import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

JUNIT = '<testsuite name="s" tests="1"><testcase classname="a" name="one"/></testsuite>'
UNREACHABLE = "http://127.0.0.1:1"


def test_a_directory_arrives_as_one_set(desk: Any, server: Any, repository: Path) -> None:
    """Every report with what it is about, its bytes, and the proof of its tree."""
    reports = desk.folder / "reports"
    reports.mkdir()
    samples = {"junit.xml": "pytest-9.2.0/junit.xml", "bandit.json": "bandit-1.9.4/clean.json"}
    for name, sample in samples.items():
        (reports / name).write_bytes((repository / "tests/samples" / sample).read_bytes())
    done = desk.run("submit", "reports/")
    assert done.returncode == 0, done.stderr
    assert [line.split()[:3] for line in done.stdout.splitlines()] == [
        ["ok", "sast", "reports/bandit.json"],
        ["ok", "tests", "reports/junit.xml"],
    ]
    first, second = server.seen_at("/evidence")
    commit = desk.git("rev-parse", "HEAD")
    assert (first.query["project"], first.query["commit"]) == ("pay/api", commit)
    assert first.query["tree"] == desk.git("rev-parse", "HEAD^{tree}")
    assert (first.query["part"], second.query["part"]) == ("1/2", "2/2")
    assert first.query["set"] == second.query["set"]
    assert desk.git("cat-file", "commit", commit).encode() in first.body
    assert (reports / "bandit.json").read_bytes() in first.body


def test_a_client_that_dies_midway_leaves_the_set_incomplete(desk: Any, server: Any) -> None:
    """The first file is announced as one of three; doing it again completes the same set."""
    for name in ("a.xml", "b.xml", "c.xml"):
        (desk.folder / name).write_text(JUNIT)
    server.hold_after = 1
    process = subprocess.Popen(
        [desk.command, "submit", "a.xml", "b.xml", "c.xml"],
        cwd=desk.folder,
        env=desk.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while len(server.seen) < 2:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=30)
    assert process.returncode == 130
    assert talk.decode().endswith("interrupted\n")
    assert list(server.sets.values()) == [{"1/3"}]
    server.released.set()
    server.hold_after = None
    assert desk.run("submit", "a.xml", "b.xml", "c.xml").returncode == 0
    assert list(server.sets.values()) == [{"1/3", "2/3", "3/3"}]


def test_what_is_refused_does_not_stop_the_rest(desk: Any, server: Any) -> None:
    """All others are sent, and the whole is a no."""
    (desk.folder / "a.bin").write_bytes(b"\x00\x01")
    (desk.folder / "b.xml").write_text(JUNIT)
    (desk.folder / "c.run.json").write_text("{}")
    done = desk.run("submit", "a.bin", "b.xml", "c.run.json")
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["refused", "unreadable", "ok"]
    assert len(server.seen_at("/evidence")) == 2
    assert "1 of 3 count as evidence of pay/api" in done.stderr


def test_a_lost_answer_is_asked_for_again(desk: Any, server: Any) -> None:
    """A connection that breaks twice costs two pauses and nothing else."""
    (desk.folder / "junit.xml").write_text(JUNIT)
    server.faults = 2
    done = desk.run("submit", "junit.xml")
    assert done.returncode == 0, done.stderr
    assert len(server.seen_at("/evidence")) == 3
    assert all(JUNIT.encode() in request.body for request in server.seen)


def test_a_large_report_without_proof_arrives_compressed(desk: Any, server: Any, tmp_path: Path) -> None:
    """Where no repository holds the commit; the digest is that of the file."""
    cases = "".join(f'<testcase classname="c{i % 97}" name="n{i * 7919 % 10007}"/>' for i in range(20_000))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "junit.xml").write_text(f'<testsuite name="s">{cases}</testsuite>')
    desk.folder = outside
    done = desk.run(
        "submit", "junit.xml", "--project", "pay/api", "--commit", "1" * 40, "--tree", "2" * 40, "--json"
    )
    assert done.returncode == 0, done.stderr
    (request,) = server.seen_at("/evidence")
    size = (outside / "junit.xml").stat().st_size
    assert request.headers["content-encoding"] == "gzip"
    assert len(request.body) < size / 3
    (found,) = json.loads(done.stdout)
    assert found["evidence"]["sha256"] == hashlib.sha256((outside / "junit.xml").read_bytes()).hexdigest()


def test_a_record_travels_with_its_report_or_alone(desk: Any, server: Any, repository: Path) -> None:
    """A run whose report is gone is evidence of a failed scan."""
    report = (repository / "tests/samples/bandit-1.9.4/clean.json").read_bytes()
    record = {
        "schema": "gatekeeper/run/v1",
        "tool": "bandit",
        "tool_version": "1.9.4",
        "kind": "sast",
        "argv": [],
        "requirements_digest": "x",
        "rules_digest": None,
        "started_at": "2026-11-23T10:00:00Z",
        "duration_ms": 1,
        "ending": "finished",
        "exit_code": 1,
        "report": "bandit.json",
        "report_sha256": hashlib.sha256(report).hexdigest(),
        "files_seen": 1,
    }
    (desk.folder / "bandit.json").write_bytes(report)
    (desk.folder / "bandit.run.json").write_text(json.dumps(record))
    (desk.folder / "gone.run.json").write_text(json.dumps(record | {"report_sha256": "0" * 64}))
    done = desk.run("submit", "bandit.json", "bandit.run.json", "gone.run.json")
    assert [line.split()[:3] for line in done.stdout.splitlines()] == [
        ["ok", "sast", "bandit.json"],
        ["failed", "sast", "gone.run.json"],
    ]
    together, alone = (request.body for request in server.seen_at("/evidence"))
    assert b'name="record"' in together
    assert b'name="report"' in together
    assert b'name="record"' in alone
    assert b'name="report"' not in alone


def test_standard_input_is_a_report(desk: Any, server: Any) -> None:
    """As in `pip-audit -f json | gatekeeper submit sca=-`."""
    done = subprocess.run(
        [desk.command, "submit", "e2e=-"],
        cwd=desk.folder,
        env=desk.environ,
        input=JUNIT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert server.seen_at("/evidence")[0].query["name"] == "e2e"


@pytest.mark.parametrize(
    "arguments", [["submit", "junit.xml"], ["check", "--stage", "test"], ["explain", "dec_1"]]
)
def test_offline_is_4(arguments: list[str], desk: Any) -> None:
    """And says so, within its time."""
    (desk.folder / "junit.xml").write_text(JUNIT)
    done = desk.run(*arguments, GATEKEEPER_URL=UNREACHABLE, GATEKEEPER_TIMEOUT="1s")
    assert (done.returncode, done.stdout) == (4, "")
    assert f"{UNREACHABLE} cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_token_is_never_shown(desk: Any) -> None:
    """Not with -v, not in an error."""
    (desk.folder / "junit.xml").write_text(JUNIT)
    secret = "gk_9_" + "q" * 43
    done = desk.run("submit", "junit.xml", "-v", GATEKEEPER_TOKEN=secret)
    assert done.returncode == 4
    assert "nobody knows this token" in done.stderr
    assert secret not in done.stdout + done.stderr
