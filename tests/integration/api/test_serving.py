"""`gatekeeper serve` as a process: it says where it is, ends cleanly, and refuses with words."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gatekeeper_api.serving import listening

GATEKEEPER = Path(sys.executable).with_name("gatekeeper")
WITHIN_S = 30


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """The environment of a server whose data are in `folder`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GATEKEEPER_")}
    return {**clean, "GATEKEEPER_DATA": str(folder), **settings}


@contextmanager
def started(folder: Path, *args: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server that answers, and its URL."""
    process = subprocess.Popen(
        [GATEKEEPER, "serve", "--port", "0", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(folder, **settings),
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, process.communicate(timeout=WITHIN_S)
        yield process, found[0]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=WITHIN_S)


def refused(folder: Path, *args: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [GATEKEEPER, *args],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        env=environment(folder, **settings),
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_being_told_to_end_is_a_clean_end(tmp_path: Path, number: signal.Signals) -> None:
    """Exit code 0, no traceback, and what it logged is JSON."""
    with started(tmp_path) as (process, base):
        assert httpx.get(f"{base}/healthz").json()["status"] == "ok"
        assert httpx.get(f"{base}/nope").status_code == 404
        process.send_signal(number)
        _, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0
    events = [json.loads(line) for line in err.splitlines()]
    (request,) = [event for event in events if event["event"] == "http.request"]
    assert (request["route"], request["status"]) == ("(none)", 404)
    assert not any("exception" in event for event in events)


def test_a_request_that_runs_may_end(tmp_path: Path) -> None:
    """A body that is still coming when the signal comes gets its answer."""
    with started(tmp_path) as (process, base):

        def slow() -> Iterator[bytes]:
            yield b"{"
            process.send_signal(signal.SIGTERM)
            time.sleep(1)
            yield b"}"

        assert httpx.post(f"{base}/nope", content=slow()).status_code == 404
        assert process.wait(WITHIN_S) == 0


def test_a_sender_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    """The grace has an end; the process too."""
    with started(tmp_path, GATEKEEPER_SHUTDOWN_S="1") as (process, base):
        host, _, port = base.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as hanging:
            hanging.sendall(b"GET /healthz HTTP/1.1\r\nHost: gate\r\n")
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WITHIN_S) == 0


def test_a_taken_port_is_a_mistake_of_usage(tmp_path: Path) -> None:
    """Exit code 2, with the way out, and nothing was started."""
    with listening("127.0.0.1", 0) as taken:
        done = refused(tmp_path, "serve", "--port", str(taken.getsockname()[1]))
    assert (done.returncode, done.stdout) == (2, "")
    assert "is in use" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["serve"], ["worker"], ["db", "check"], ["db", "upgrade"]])
def test_a_bad_setting_is_a_mistake_of_usage(tmp_path: Path, command: list[str]) -> None:
    """Every command of the server says it the same way."""
    done = refused(tmp_path, *command, GATEKEEPER_PORT="http")
    assert (done.returncode, done.stdout) == (2, "")
    assert "GATEKEEPER_PORT is 'http'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """192.0.2.0/24 belongs to nobody (RFC 5737)."""
    done = refused(tmp_path, "serve", "--host", "192.0.2.1", "--port", "0")
    assert done.returncode == 2
    assert "192.0.2.1" in done.stderr


def test_other_machines_are_warned_about(tmp_path: Path) -> None:
    """It serves them, in the clear, and says so."""
    with started(tmp_path, "--host", "0.0.0.0") as (process, _):  # noqa: S104 - that is what is tested
        assert process.stdout is not None
        assert "plain HTTP" in process.stdout.readline()


def test_tables_are_made_and_checked(tmp_path: Path) -> None:
    """Exit code 1 before, 0 after, and a second time changes nothing."""
    before = refused(tmp_path, "db", "check")
    assert before.returncode == 1
    assert "gatekeeper db upgrade" in before.stderr
    for word in ("before: none", "already"):
        made = refused(tmp_path, "db", "upgrade")
        assert (made.returncode, made.stderr) == (0, "")
        assert word in made.stdout
    after = refused(tmp_path, "db", "check")
    assert (after.returncode, after.stderr) == (0, "")


def test_without_the_extra_the_commands_say_how_to_get_it() -> None:
    """Exit code 2; the help and all other commands work."""
    script = (
        "import sys, importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'fastapi' else found(name, *a)\n"
        "from gatekeeper.cli.main import main; sys.exit(main())"
    )
    for command in (["serve"], ["worker"], ["db", "check"]):
        done = subprocess.run(
            [sys.executable, "-P", "-c", script, *command], capture_output=True, text=True, timeout=WITHIN_S
        )
        assert done.returncode == 2
        assert "pip install 'quality-gatekeeper[server]'" in done.stderr
