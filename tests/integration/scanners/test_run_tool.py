"""The runner against tools that misbehave: each ends with the right word, and nothing of it is left alive."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gatekeeper.run_record import Ending
from gatekeeper_scanners.run import Cancelled, Outcome, RunLimits, run_tool

MB = 1024 * 1024


def run(
    tmp_path: Path,
    source: str,
    *,
    limits: RunLimits | None = None,
    cancel: threading.Event | None = None,
    niceness: int = 0,
) -> Outcome:
    """Run the Python `source`; its first argument is the path of the report."""
    script = tmp_path / "tool.py"
    script.write_text("import os, sys, time, subprocess, signal\nreport = sys.argv[1]\n" + source)
    return run_tool(
        (sys.executable, "-I", str(script), str(tmp_path / "report.json")),
        cwd=tmp_path,
        workspace=tmp_path,
        report=tmp_path / "report.json",
        environ={},
        finished_codes=frozenset({0, 1}),
        limits=limits or RunLimits(wall_s=20),
        cancel=cancel or threading.Event(),
        niceness=niceness,
    )


def is_alive(pid: int) -> bool:
    """True when the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids(tmp_path: Path) -> list[int]:
    """The processes that the tool wrote down."""
    return [int(line) for line in (tmp_path / "pids").read_text().split()]


WRITE = "open(report, 'w').write('{}')\n"


@pytest.mark.parametrize("code", [0, 1])
def test_report_and_a_finished_code_is_finished(tmp_path: Path, code: int) -> None:
    """A tool that exits with one of its finished codes and leaves a report has finished."""
    outcome = run(tmp_path, WRITE + f"sys.exit({code})")
    assert (outcome.ending, outcome.exit_code) == (Ending.FINISHED, code)


@pytest.mark.parametrize("niceness", [0, 7])
def test_a_quick_tool_gives_way(tmp_path: Path, niceness: int) -> None:
    """The tool runs with the priority that its manifest asks for, relative to ours."""
    before = os.nice(0)
    assert run(tmp_path, "open(report, 'w').write(str(os.nice(0)))", niceness=niceness).exit_code == 0
    assert int((tmp_path / "report.json").read_text()) == min(19, before + niceness)


@pytest.mark.parametrize(
    "source",
    ["sys.exit(0)", "open(report, 'w'); sys.exit(0)", WRITE + "sys.exit(2)", WRITE + "os.abort()", "1/0"],
    ids=["no-report", "empty-report", "other-code", "signal", "traceback"],
)
def test_anything_else_is_a_crash(tmp_path: Path, source: str) -> None:
    """Without a report with content and a known exit code nothing was proven."""
    assert run(tmp_path, source).ending is Ending.CRASHED


def test_report_that_is_a_link_is_a_crash(tmp_path: Path) -> None:
    """A link in place of the report could lead to any file of the machine."""
    assert run(tmp_path, "os.symlink('/etc/hostname', report)").ending is Ending.CRASHED


def test_last_words_are_kept_without_control_characters(tmp_path: Path) -> None:
    """The end of stderr says why, and cannot steer a terminal."""
    outcome = run(tmp_path, "sys.stderr.write('x' * 9000 + '\\x1b[31mwhy\\x07\\n'); sys.exit(3)")
    assert outcome.stderr_tail.endswith("xwhy")
    assert len(outcome.stderr_tail) == 4000


def test_command_that_does_not_exist_was_not_started(tmp_path: Path) -> None:
    """A vanished interpreter is named, not mistaken for a crash of the tool."""
    outcome = run_tool(
        (str(tmp_path / "python"),),
        cwd=tmp_path,
        workspace=tmp_path,
        report=tmp_path / "report.json",
        environ={},
        finished_codes=frozenset({0}),
        limits=RunLimits(wall_s=20),
        cancel=threading.Event(),
    )
    assert outcome.ending is Ending.NOT_STARTED
    assert "No such file" in outcome.stderr_tail


def test_hanging_tool_and_its_children_are_killed(tmp_path: Path) -> None:
    """The wall limit ends a tool that ignores SIGTERM, with its children."""
    source = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
open("pids", "w").write(f"{os.getpid()} {child.pid}")
time.sleep(300)
"""
    started = time.monotonic()
    outcome = run(tmp_path, WRITE + source, limits=RunLimits(wall_s=1.5))
    assert (outcome.ending, outcome.exit_code) == (Ending.TIMEOUT, None)
    assert time.monotonic() - started < 5
    assert len(pids(tmp_path)) == 2
    assert not any(map(is_alive, pids(tmp_path)))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_flood_is_ended(tmp_path: Path, stream: str) -> None:
    """A tool that writes without end is killed at the output limit."""
    source = f"open('pids', 'w').write(str(os.getpid()))\nwhile True: sys.{stream}.write('y' * 65536)"
    outcome = run(tmp_path, source, limits=RunLimits(wall_s=20, output_bytes=4 * MB))
    assert outcome.ending is Ending.OUTPUT_LIMIT
    assert not any(map(is_alive, pids(tmp_path)))


def test_huge_report_is_ended(tmp_path: Path) -> None:
    """A report beyond the file limit cannot fill the disk."""
    outcome = run(
        tmp_path, "f = open(report, 'wb')\nwhile True: f.write(b'y' * 65536)", limits=RunLimits(file_bytes=MB)
    )
    assert outcome.ending is Ending.OUTPUT_LIMIT
    assert (tmp_path / "report.json").stat().st_size <= MB


def test_eating_memory_is_ended(tmp_path: Path) -> None:
    """The limit of the address space ends a tool that allocates without end, though 1 is a finished code."""
    outcome = run(
        tmp_path,
        "hoard = []\nwhile True: hoard.append(bytearray(1 << 24))",
        limits=RunLimits(memory_bytes=512 * MB),
    )
    assert (outcome.ending, outcome.exit_code) == (Ending.MEMORY_LIMIT, 1)


def test_burning_cpu_is_ended(tmp_path: Path) -> None:
    """The CPU limit ends a busy loop."""
    outcome = run(tmp_path, "while True: pass", limits=RunLimits(wall_s=20, cpu_s=1))
    assert outcome.ending in (Ending.TIMEOUT, Ending.MEMORY_LIMIT)


@pytest.mark.parametrize("detach", ["", "os.setsid()"], ids=["same-session", "own-session"])
def test_grandchild_does_not_outlive_the_run(tmp_path: Path, detach: str) -> None:
    """A process that the tool leaves behind is killed, also one that made itself a session of its own."""
    source = f"""
if os.fork() == 0:
    {detach or "pass"}
    if os.fork() == 0:
        open("pids", "w").write(str(os.getpid()))
        time.sleep(300)
    os._exit(0)
while not os.path.exists("pids") or not open("pids").read(): time.sleep(0.01)
{WRITE}"""
    started = time.monotonic()
    assert run(tmp_path, source).ending is Ending.FINISHED
    assert time.monotonic() - started < 5
    assert not any(map(is_alive, pids(tmp_path)))


def test_closed_output_does_not_end_the_wait(tmp_path: Path) -> None:
    """A tool that closes its output and goes on is still bounded by the wall limit."""
    source = "os.close(1); os.close(2); time.sleep(300)"
    assert run(tmp_path, source, limits=RunLimits(wall_s=1)).ending is Ending.TIMEOUT


def test_cancel_kills_and_raises(tmp_path: Path) -> None:
    """Ctrl-C in the scan reaches a running tool."""
    cancel = threading.Event()
    threading.Timer(0.7, cancel.set).start()
    with pytest.raises(Cancelled):
        run(tmp_path, "open('pids', 'w').write(str(os.getpid())); time.sleep(300)", cancel=cancel)
    assert not any(map(is_alive, pids(tmp_path)))


def test_environment_is_scrubbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token, proxy or Python variable of ours reaches a tool; its home is its own."""
    for name in ("CI_JOB_TOKEN", "HTTPS_PROXY", "PYTHONPATH", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "http://secret.invalid")
    run(tmp_path, "import json\njson.dump(dict(os.environ), open(report, 'w'))")
    environ = json.loads((tmp_path / "report.json").read_text())
    assert not [name for name, value in environ.items() if "secret" in value or name.startswith("PYTHON")]
    assert environ["HOME"] == str(tmp_path / "home")
    assert environ["PATH"] == "/usr/bin:/bin"


def test_nothing_of_ours_is_open_in_the_tool(tmp_path: Path) -> None:
    """Only the three standard streams are open, and standard input is empty."""
    run(
        tmp_path,
        "import json\njson.dump([sorted(os.listdir('/proc/self/fd')), sys.stdin.read()], open(report, 'w'))",
    )
    descriptors, stdin = json.loads((tmp_path / "report.json").read_text())
    assert len(descriptors) <= 5  # the streams, the report, the listing itself
    assert stdin == ""


def test_death_of_the_caller_ends_the_tool(tmp_path: Path) -> None:
    """When the process that scans is killed outright, its tools die too."""
    caller = f"""
import sys, threading
from pathlib import Path
from gatekeeper_scanners.run import RunLimits, run_tool
here = Path({str(tmp_path)!r})
code = "import os, time; open('pids', 'w').write(str(os.getpid())); time.sleep(300)"
run_tool((sys.executable, "-I", "-c", code),
    cwd=here, workspace=here, report=here / "r", environ={{}}, finished_codes=frozenset({{0}}),
    limits=RunLimits(wall_s=60), cancel=threading.Event())
"""
    process = subprocess.Popen([sys.executable, "-c", caller])
    deadline = time.monotonic() + 20
    while not ((tmp_path / "pids").exists() and (tmp_path / "pids").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while any(map(is_alive, pids(tmp_path))):
        assert time.monotonic() < deadline
        time.sleep(0.05)
