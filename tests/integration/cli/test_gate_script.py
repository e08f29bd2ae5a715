"""`integrations/shell/gate.sh`: a gate with nothing but curl, against a server on loopback."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from programs import program

JUNIT = '<testsuite name="s"><testcase classname="a" name="one"/></testsuite>'
COVERAGE = (
    '<coverage line-rate="1"><packages><package name="p"><classes><class name="c" filename="app.py">'
    '<lines><line number="1" hits="1"/></lines></class></classes></package></packages></coverage>'
)


class Script:
    """The script in a checkout."""

    def __init__(self, desk: Any, path: Path) -> None:
        self.desk = desk
        self.path = path

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """`sh gate.sh ARGUMENTS`."""
        given = self.desk.environ | {"GATEKEEPER_PROJECT": "pay/api", "GATEKEEPER_WAIT": "0"} | environ
        return subprocess.run(
            ["sh", self.path, *arguments],
            cwd=self.desk.folder,
            env=given,
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture
def script(desk: Any, repository: Path) -> Script:
    """The script, beside two reports."""
    (desk.folder / "junit.xml").write_text(JUNIT)
    (desk.folder / "my coverage.xml").write_text(COVERAGE)
    return Script(desk, repository / "integrations/shell/gate.sh")


def test_a_no_says_why_and_a_yes_is_0(script: Script, server: Any) -> None:
    """Reports go as one set, with the proof of their tree and a slot for each."""
    stopped = script.run("develop", "junit.xml")
    assert stopped.returncode == 1, stopped.stderr
    assert "there is no coverage evidence" in stopped.stdout
    assert "pay/api may not enter develop" in stopped.stderr
    passed = script.run("develop", "unit=junit.xml", "my coverage.xml", GATEKEEPER_JOB="test 1/2 & co")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    first, second = server.seen_at("/evidence")[1:]
    assert (first.query["name"], first.query["part"], second.query["part"]) == ("unit", "1/2", "2/2")
    assert second.query["job"] == "test 1/2 & co:my coverage.xml"
    assert first.query["set"] == second.query["set"]
    commit = script.desk.git("rev-parse", "HEAD")
    assert first.query["tree"] == script.desk.git("rev-parse", "HEAD^{tree}")
    assert script.desk.git("cat-file", "commit", commit).encode() in first.body


def test_a_refused_report_is_1_after_the_rest_was_sent(script: Script, server: Any) -> None:
    """Even where the gate would allow."""
    (script.desk.folder / "odd.bin").write_bytes(b"\x00\x01")
    done = script.run("develop", "odd.bin", "junit.xml", "my coverage.xml")
    assert done.returncode == 1
    assert len(server.seen_at("/evidence")) == 3
    assert "odd.bin was refused" in done.stderr


@pytest.mark.parametrize(
    ("environ", "code", "says"),
    [
        ({"GATEKEEPER_URL": "http://127.0.0.1:1"}, 4, "cannot be reached"),
        ({"GATEKEEPER_TOKEN": "gk_wrong"}, 4, "nobody knows this token"),
        ({"GATEKEEPER_URL": "http://gate.example.com"}, 2, "not encrypted"),
        ({"GATEKEEPER_URL": "http://127.0.0.1.example.com"}, 2, "not encrypted"),
        ({"GATEKEEPER_TOKEN": ""}, 2, "set GATEKEEPER_TOKEN"),
        ({"GATEKEEPER_PROJECT": ""}, 2, "set GATEKEEPER_PROJECT"),
        ({"GATEKEEPER_WAIT": "10m"}, 2, "must be seconds"),
    ],
)
def test_without_an_answer_it_stops(environ: dict[str, str], code: int, says: str, script: Script) -> None:
    """And says why; the token is not in it."""
    done = script.run("develop", "junit.xml", **environ)
    assert done.returncode == code
    assert says in done.stderr
    assert script.desk.environ["GATEKEEPER_TOKEN"] not in done.stdout + done.stderr


def test_pending_at_the_end_is_3(script: Script, server: Any) -> None:
    """With what is waited for."""
    server.pending = 1_000
    done = script.run("develop")
    assert done.returncode == 3
    assert "waiting: the set unit waits for part 2" in done.stdout


@pytest.mark.parametrize(
    "body", [b"<html>log in</html>", b"", b'{"text": "\\"allowed\\": true"}', b'{"allowed": "true"}']
)
def test_only_a_clear_yes_is_a_yes(body: bytes, script: Script, server: Any) -> None:
    """A proxy may answer 200 to anything."""
    server.script.append((200, {"Content-Type": "application/json"}, body))
    assert script.run("develop").returncode == 4


def test_a_redirect_is_not_followed(script: Script, server: Any) -> None:
    """The token goes only to the server that was named."""
    server.script.append((302, {"Location": f"{server.url}/elsewhere"}, b""))
    assert script.run("develop").returncode == 4
    assert [request.path for request in server.seen] == ["/api/v1/gate"]


@pytest.mark.parametrize("tools", [("jq",), ()])
def test_the_reasons_are_shown_without_python_too(
    tools: tuple[str, ...], script: Script, tmp_path: Path
) -> None:
    """With jq, or as they came."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "curl", "git", "mktemp", "rm", "grep", "cat", "cksum", "sleep", *tools):
        (folder / tool).symlink_to(program(tool))
    done = script.run("develop", "junit.xml", PATH=str(folder))
    assert done.returncode == 1, done.stderr
    assert "there is no coverage evidence" in done.stdout
    if not tools:
        assert json.loads(done.stdout)["allowed"] is False


def test_nothing_is_left_behind(script: Script, tmp_path: Path) -> None:
    """The token lay in a file of this run only."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    script.run("develop", "junit.xml", TMPDIR=str(folder))
    assert list(folder.iterdir()) == []


def test_a_report_that_is_not_there_is_usage(script: Script, server: Any) -> None:
    """Before the gate is asked."""
    done = script.run("develop", "none.xml")
    assert done.returncode == 2
    assert "there is no report none.xml" in done.stderr
    assert server.seen == []
