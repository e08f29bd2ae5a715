"""`gatekeeper check` against a server that judges: submit, ask, mend, ask again."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

SHOP = {
    "junit.xml": '<testsuite name="s"><testcase classname="a" name="one"/></testsuite>',
    "coverage.xml": '<coverage line-rate="1"><packages><package name="p"><classes>'
    '<class name="c" filename="app.py"><lines><line number="1" hits="1"/></lines></class>'
    "</classes></package></packages></coverage>",
}


def put(folder: Path, *names: str) -> None:
    """Write these reports."""
    for name in names:
        (folder / name).write_text(SHOP[name])


def test_missing_evidence_stops_and_mending_lets_through(desk: Any, server: Any) -> None:
    """Exit 1 with what to do, then 0; the decision can be read again by its id."""
    put(desk.folder, "junit.xml", "coverage.xml")
    assert desk.run("submit", "junit.xml").returncode == 0
    stopped = desk.run("check", "--stage", "develop")
    assert stopped.returncode == 1
    assert "pay/api may not enter develop" in stopped.stdout
    assert "there is no coverage evidence" in stopped.stdout
    assert "To see it again\n  gatekeeper explain dec_1" in stopped.stdout
    assert f"dec_1, {server.url}/api/v1/decisions/dec_1" in stopped.stderr
    assert desk.run("submit", "coverage.xml").returncode == 0
    passed = desk.run("check", "--stage", "develop", "--format", "json")
    assert passed.returncode == 0, passed.stdout
    assert json.loads(passed.stdout)["allowed"] is True
    shown = desk.run("explain", "dec_2")
    assert (shown.returncode, "pay/api may enter develop" in shown.stdout) == (0, True)


def test_a_wait_ends_when_the_evidence_comes(desk: Any, server: Any) -> None:
    """Nothing is recorded before."""
    put(desk.folder, "junit.xml", "coverage.xml")
    assert desk.run("submit", "junit.xml").returncode == 0
    asking = subprocess.Popen(
        [desk.command, "check", "--stage", "develop", "--wait", "60s"],
        cwd=desk.folder,
        env=desk.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not server.seen_at("/gate"):
        time.sleep(0.02)
    assert server.decisions == {}
    assert desk.run("submit", "coverage.xml").returncode == 0
    out, err = asking.communicate(timeout=60)
    assert asking.returncode == 0, out
    assert "waiting: there is no coverage evidence" in err
    assert len(server.decisions) == 1


def test_pending_at_the_end_is_3(desk: Any, server: Any) -> None:
    """A set that stays open is no answer."""
    server.pending = 1_000
    done = desk.run("check", "--stage", "develop", "--wait", "1s")
    assert (done.returncode, done.stdout) == (3, "")
    assert "pending after 1s: pay/api into develop: the set unit waits for part 2" in done.stderr
    assert server.decisions == {}


def test_a_junit_verdict_for_any_ci(desk: Any) -> None:
    """The file is whole, and a gate that could not be asked leaves none behind."""
    done = desk.run("check", "--stage", "develop", "--format", "junit", "--output", "gate.xml")
    assert done.returncode == 1
    written = Xml.fromstring((desk.folder / "gate.xml").read_text())  # noqa: S314 - our own
    assert int(written.get("failures", "0")) >= 1
    done = desk.run(
        *("check", "--stage", "develop", "--format", "junit", "--output", "gate.xml"),
        GATEKEEPER_URL="http://127.0.0.1:1",
        GATEKEEPER_TIMEOUT="1s",
    )
    assert done.returncode == 4
    assert not (desk.folder / "gate.xml").exists()


def test_an_interrupted_wait_leaves_nothing(desk: Any, server: Any) -> None:
    """No decision, no file, no traceback."""
    server.pending = 1_000
    asking = subprocess.Popen(
        [desk.command, "check", "--stage", "develop", "--wait", "60s", "--output", "gate.txt"],
        cwd=desk.folder,
        env=desk.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not server.seen_at("/gate"):
        time.sleep(0.02)
    asking.send_signal(signal.SIGINT)
    out, err = asking.communicate(timeout=30)
    assert (asking.returncode, out) == (130, "")
    assert err.endswith("interrupted\n")
    assert "Traceback" not in err
    assert (server.decisions, (desk.folder / "gate.txt").exists()) == ({}, False)


def test_an_artifact_is_linked_and_asked_about(desk: Any, server: Any) -> None:
    """The link carries the proof; the question names the artifact alone."""
    artifact = "sha256:" + "ab" * 32
    assert (
        desk.run("link", "--artifact", artifact, "--image", "registry.example.com/pay/api:1").returncode == 0
    )
    sent = json.loads(server.seen_at("/builds")[0].body)
    assert (sent["artifact"], sent["image"]) == (artifact, "registry.example.com/pay/api:1")
    assert sent["commit_object"]
    desk.run("check", "--stage", "uat", "--artifact", artifact)
    assert json.loads(server.seen_at("/decisions")[0].body) == {
        "project": "pay/api",
        "stage": "uat",
        "artifact": artifact,
    }
