"""Whole scans with the real tools, and with fake ones that misbehave beside a good one."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from gatekeeper.errors import UsageError
from gatekeeper.evidence import State
from gatekeeper.run_record import Ending, RunRecord
from gatekeeper.settings import Settings
from gatekeeper_scanners.bandit import BANDIT
from gatekeeper_scanners.run import RunLimits
from gatekeeper_scanners.scan_result import Standing, Step
from gatekeeper_scanners.semgrep import SEMGREP
from gatekeeper_scanners.toolchain import toolchain

GOOD = "import sys\nopen(sys.argv[1], 'w').write('{}')\n"


def record_of(tmp_path: Path, tool: str) -> RunRecord:
    """The record as it lies on the disk."""
    return msgspec.json.decode((tmp_path / "reports" / f"{tool}.run.json").read_bytes(), type=RunRecord)


def paths_in(tmp_path: Path, tool: str) -> set[str]:
    """The files with findings in the report as the tool wrote it."""
    document = json.loads((tmp_path / "reports" / f"{tool}.json").read_text())
    return {(result.get("filename") or result["path"]).removeprefix("./") for result in document["results"]}


def test_both_tools_find_a_shell_call(run_scan, target: Path, tmp_path: Path) -> None:
    """Both tools find a vulnerable file; report and record agree and name no folder of this machine."""
    steps = []
    result = run_scan(target, [BANDIT, SEMGREP], listener=steps.append)
    for run in result.runs:
        record = record_of(tmp_path, run.record.tool)
        assert record == run.record
        assert (record.ending, record.files_seen, record.problems) == (Ending.FINISHED, 1, ())
        assert run.standing is Standing.USABLE
        assert run.document.state is State.OK
        assert [
            finding.location.path
            for finding in run.document.findings
            if "shell" in finding.rule or "602" in finding.rule
        ]
        assert str(tmp_path) not in "".join(record.argv)
        assert "/tmp/" not in (tmp_path / "reports" / f"{record.tool}.json").read_text()
        assert paths_in(tmp_path, record.tool) == {"app.py"}
    assert [news.step for news in steps if news.tool == "bandit"][-2:] == [Step.RUNNING, Step.DONE]
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == [
        "bandit.json", "bandit.run.json", "semgrep.json", "semgrep.run.json",
    ]  # fmt: skip


def test_silenced_findings_are_told(run_scan, target: Path, tmp_path: Path) -> None:
    """Semgrep leaves out what `nosemgrep` silences, so the record says how many lines do; it stays ok."""
    line = "subprocess.run(sys.argv[1], shell=True)"
    (target / "app.py").write_text(f"import subprocess\nimport sys\n\n{line}  # nosemgrep\n{line}\n")
    (run,) = run_scan(target, [SEMGREP]).runs
    assert {finding.location.line for finding in run.document.findings} == {5}
    (problem,) = record_of(tmp_path, "semgrep").problems
    assert (problem.code, problem.params["count"]) == ("lines-silenced", 1)
    assert run.document.state is State.OK


WAIT = "import os, time; open(sys.argv[2] + '/../pid', 'w').write(str(os.getpid())); time.sleep(300)"

BOOBY_TRAP = """
import pathlib
pathlib.Path({marker!r}).joinpath(__name__ + "-" + pathlib.Path(__file__).name).touch()
import subprocess
def f(x):
    subprocess.call(x, shell=True)
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A target that tries to be executed and to hide its findings; its code marks `tmp_path/executed`."""
    folder = tmp_path / "hostile"
    (tmp_path / "executed").mkdir()
    trap = BOOBY_TRAP.format(marker=str(tmp_path / "executed"))
    packages = (
        "api",
        "scanners",
        "gatekeeper",
        "gatekeeper_scanners",
        "semgrep",
        "bandit",
        "stevedore",
        "tests",
    )
    modules = (
        "sitecustomize", "usercustomize", "conftest", "setup", "yaml", "rich", "json", "tokenize", "ast",
        "click", "runpy", "subprocess", "myCVSfile", "some.egg", "tests/test_x", "vendor/lib", ".hidden/x",
    )  # fmt: skip
    for name in (*(f"{package}/__init__" for package in packages), *modules):
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(trap)
    for path in ("api/__main__.py", "semgrep/__main__.py", "bandit/__main__.py", "__main__.py"):
        (folder / path).write_text(trap)
    (folder / "evil.pth").write_text(
        f"import pathlib; pathlib.Path({str(tmp_path / 'executed')!r}, 'pth').touch()\n"
    )
    (folder / ".bandit").write_text("[bandit]\nexclude = *\nskips = B602,B404\ntests = B101\n")
    (folder / "pyproject.toml").write_text('[tool.bandit]\nexclude_dirs = ["."]\nskips = ["B602"]\n')
    (folder / "setup.cfg").write_text("[bandit]\nexclude = /\n")
    for place in (".", "tests", "vendor"):
        (folder / place / ".semgrepignore").write_text("*\n")
        (folder / place / ".gitignore").write_text("*\n")
    (folder / ".semgrep.yml").write_text("rules: []\n")
    (folder / ".semgrep").mkdir()
    (folder / ".semgrep" / "settings.yml").write_text("has_shown_metrics_notification: true\n")
    (folder / "uv.toml").write_text('index-url = "http://127.0.0.1:9/"\n')
    return folder


@pytest.mark.parametrize("module", ["bandit", "semgrep", "gatekeeper", "json.tool"])
def test_traps_of_the_hostile_target_work(hostile: Path, tmp_path: Path, module: str) -> None:
    """The control: started the careless way, the target's code does run and leaves its mark."""
    subprocess.run(
        [sys.executable, "-m", module, "-h"], cwd=hostile, capture_output=True, timeout=60, check=False
    )
    assert list((tmp_path / "executed").iterdir())


def test_hostile_target_is_neither_executed_nor_obeyed(
    run_scan, hostile: Path, tmp_path: Path, monkeypatch
) -> None:
    """No code of the target runs, from within it either, and its configuration hides nothing."""
    monkeypatch.chdir(hostile)
    result = run_scan(hostile, [BANDIT, SEMGREP])
    assert list((tmp_path / "executed").iterdir()) == []
    python = {path.relative_to(hostile).as_posix() for path in hostile.rglob("*.py")}
    for run in result.runs:
        assert (run.record.ending, run.record.problems) == (Ending.FINISHED, ())
        assert run.record.files_seen >= len(python)
        assert paths_in(tmp_path, run.record.tool) == python


@pytest.mark.usefixtures("toolchain_settings")
def test_command_in_a_hostile_folder_executes_nothing_of_it(hostile: Path, tmp_path: Path) -> None:
    """The installed command, started inside the target as pipelines do, runs our code alone."""
    command = Path(sys.executable).parent / "gatekeeper"
    ended = subprocess.run(
        [command, "scan", ".", "--tool", "bandit", "--output", tmp_path / "out"],
        cwd=hostile, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert list((tmp_path / "executed").iterdir()) == []
    assert "gatekeeper evaluate" in ended.stdout


def test_links_out_of_the_target_are_not_followed(run_scan, target: Path, tmp_path: Path) -> None:
    """Code outside the target is not read through a link; the record says that there were such links."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("import pickle\n")
    (target / "linked.py").symlink_to(outside / "secret.py")
    (target / "folder").symlink_to(outside)
    (target / "inside.py").symlink_to("app.py")
    run = run_scan(target, [BANDIT]).runs[0]
    assert paths_in(tmp_path, "bandit") == {"app.py"}
    assert [(problem.code, problem.params) for problem in run.record.problems] == [
        ("links-not-followed", {"links": 2})
    ]


def test_unparsable_file_is_not_a_clean_scan(run_scan, target: Path) -> None:
    """A file that the tool cannot parse makes the report incomplete, whoever notices it."""
    (target / "broken.py").write_text("def (:\n")
    run = run_scan(target, [BANDIT]).runs[0]
    assert run.document.state is State.INCOMPLETE
    assert run.record.files_seen == 2


def test_empty_target_is_not_a_clean_scan(run_scan, tmp_path: Path) -> None:
    """Nothing to read proves nothing: no report, and a record that says why."""
    (tmp_path / "empty").mkdir()
    for run in run_scan(tmp_path / "empty", [BANDIT, SEMGREP]).runs:
        assert (run.record.ending, run.record.problems[0].code) == (Ending.NOT_STARTED, "nothing-to-scan")
        assert (run.document.state, run.report_path, run.standing) == (State.FAILED, None, Standing.UNUSABLE)


@pytest.mark.parametrize(
    ("source", "limits", "ending"),
    [
        ("raise SystemExit(7)", RunLimits(wall_s=20), Ending.CRASHED),
        ("import time; time.sleep(300)", RunLimits(wall_s=1), Ending.TIMEOUT),
        ("while True: print('y' * 65536)", RunLimits(output_bytes=1 << 20), Ending.OUTPUT_LIMIT),
        (
            "x = []\nwhile True: x.append(bytearray(1 << 24))",
            RunLimits(memory_bytes=1 << 29),
            Ending.MEMORY_LIMIT,
        ),
    ],
    ids=["crash", "hang", "flood", "memory"],
)
def test_one_bad_tool_leaves_a_record_and_the_others_go_on(
    run_scan,
    target: Path,
    tmp_path: Path,
    own_settings,
    fake_tool,
    source: str,
    limits: RunLimits,
    ending: Ending,
) -> None:
    """A tool that fails has a record and no report, not even its old one; the tool beside it is untouched."""
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "badtool.json").write_text("an old report")
    (reports / "mine.txt").write_text("not ours")
    bad, good = fake_tool(source, name="badtool"), fake_tool(GOOD, name="goodtool")
    result = run_scan(target, [bad, good], limits=limits, settings=own_settings)
    assert [run.record.ending for run in result.runs] == [ending, Ending.FINISHED]
    assert sorted(path.name for path in reports.iterdir()) == [
        "badtool.run.json", "goodtool.json", "goodtool.run.json", "mine.txt",
    ]  # fmt: skip
    assert record_of(tmp_path, "badtool").report is None
    assert result.runs[0].standing is Standing.UNUSABLE


def test_tool_that_cannot_be_installed_is_recorded(run_scan, target: Path, own_settings, fake_tool) -> None:
    """A requirement that does not match its hash is not installed; the record says what to do."""
    tool = fake_tool(GOOD, name="tampered")
    requirements = tool.folder / "requirements.txt"
    requirements.write_text(requirements.read_text().replace("sha256:", "sha256:0")[:-2] + "\n")
    run = run_scan(target, [tool], settings=own_settings).runs[0]
    assert (run.record.ending, run.standing) == (Ending.NOT_STARTED, Standing.NOT_INSTALLED)
    assert "mirror" in run.record.problems[0].params["hint"]
    assert not [path for path in own_settings.tools.glob("tampered-*") if path.is_dir()]


def test_our_own_folders_in_the_target_are_not_source(run_scan, target: Path, fake_tool) -> None:
    """A pipeline can keep the scanners and the mirror in its checkout without having them scanned."""
    home = target / ".gatekeeper"
    settings = Settings(cache=home / "cache", data=home / "data")
    run = run_scan(target, [fake_tool(GOOD)], settings=settings).runs[0]
    assert any(settings.tools.rglob("*.py"))
    run = run_scan(target, [fake_tool(GOOD)], settings=settings).runs[0]
    assert (run.record.ending, run.record.files_seen) == (Ending.FINISHED, 1)


def test_target_must_be_a_folder(run_scan, tmp_path: Path) -> None:
    """A missing folder and a file are refused before anything is touched."""
    (tmp_path / "file").touch()
    for path, words in ((tmp_path / "none", "does not exist"), (tmp_path / "file", "is a file")):
        with pytest.raises(UsageError, match=words):
            run_scan(path, [BANDIT])
    assert not (tmp_path / "reports").exists()


def test_sigterm_ends_the_scan_and_its_tools(target: Path, tmp_path: Path, own_settings, fake_tool) -> None:
    """A cancelled pipeline job leaves no tool running and no private folder behind, and exits with 130."""
    fake_tool(GOOD)
    tool = fake_tool(WAIT)
    script = f"""
import sys
from pathlib import Path
from gatekeeper.cli import main, scan
from gatekeeper_scanners import registry
from contextlib import contextmanager
from gatekeeper.evidence import Kind
from gatekeeper_scanners.interface import Command, Review, Scanner
@contextmanager
def prepare(job):
    arguments = (str(job.report), str(job.workspace), {WAIT!r})
    yield Command(arguments=arguments, cwd=job.source, finished_codes=frozenset(), files_seen=1)
registry.SCANNERS.clear()
folder = Path({str(tool.folder)!r})
fake = Scanner(name="faketool", kind=Kind.SAST, prepare=prepare, review=None, folder=folder)
registry.SCANNERS["faketool"] = fake
sys.exit(main.main(["scan", {str(target)!r}, "--output", {str(tmp_path / "out")!r}]))
"""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environ = {**os.environ, "GATEKEEPER_HOME": str(own_settings.cache.parent), "TMPDIR": str(scratch)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", script], env=environ, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 60
        while not (found := [path for path in scratch.glob("*/pid") if path.read_text()]):
            assert time.monotonic() < deadline
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        pid = int(found[0].read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.stderr.close()
    assert not Path(f"/proc/{pid}").exists()
    assert list(scratch.iterdir()) == []


def test_environment_is_made_once_by_scans_at_the_same_time(
    run_scan, target: Path, own_settings, fake_tool
) -> None:
    """Installations at once do not collide: one builds, the others wait; a half-made one is built again."""
    tool = fake_tool(GOOD, name="contended")
    said: list[str] = []
    cancel = threading.Event()
    results = []

    def make() -> None:
        results.append(toolchain(tool.manifest, own_settings.tools, say=said.append, cancel=cancel))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 1
    assert sum("installing" in line for line in said) == 1
    (results[0].python.parent.parent / ".ready").unlink()
    make()
    assert sum("installing" in line for line in said) == 2
    assert run_scan(target, [tool], settings=own_settings).runs[0].record.ending is Ending.FINISHED
