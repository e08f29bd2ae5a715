"""The pool of parser processes, with real processes."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from gatekeeper.cli.files import Given
from gatekeeper.cli.reading import read
from gatekeeper.evidence import Kind, Lines, State
from gatekeeper.pipeline import Received, document_of
from gatekeeper.reports.interface import KindMismatch
from gatekeeper.reports.normalise import digest_of
from gatekeeper.reports.registry import UnknownFormat
from gatekeeper.service.errors import Unavailable
from gatekeeper.service.parsing.document import decoded
from gatekeeper.service.parsing.pool import ParserLimits, ParserPool
from gatekeeper.service.ports import Parsed, ParseTask

JUNIT = b'<testsuite name="s"><testcase name="pays" classname="app"/></testsuite>'
WAIT_S = 20.0


def task(report: Path | None, **given: object) -> ParseTask:
    """An upload of one report."""
    fields: dict[str, object] = {
        "report": report,
        "report_name": report.name if report else "",
        "record": None,
        "name": "default",
        "job": "",
        "format_name": None,
        "kind": None,
    }
    return ParseTask(**(fields | given))  # type: ignore[arg-type]  # passed on as they came


@contextmanager
def pool_of(children: int, scratch: Path, **limits: int | float) -> Iterator[ParserPool]:
    """A pool that is gone with all its processes afterwards."""
    with ParserPool(scratch=scratch, children=children, limits=ParserLimits(**limits)) as pool:  # type: ignore[arg-type]
        yield pool
        pids = pool.pids
    assert not any(is_alive(pid) for pid in pids)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParserPool]:
    """One pool for the tests that leave it as it was."""
    with pool_of(2, tmp_path_factory.mktemp("scratch")) as made:
        yield made


@pytest.fixture
def junit(tmp_path: Path) -> Path:
    """A small honest report."""
    path = tmp_path / "junit.xml"
    path.write_bytes(JUNIT)
    return path


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A report that takes as long as anybody waits."""
    path = tmp_path / "endless.xml"
    os.mkfifo(path)
    return path


def large_junit(path: Path, cases: int) -> Path:
    """A report of about 100 bytes for each case."""
    case = b'<testcase name="pays_%07d" classname="app.pay.tests.test_refund" time="0.001"></testcase>\n'
    with path.open("wb") as file:
        file.write(b'<testsuite name="s">')
        file.writelines(case % number for number in range(cases))
        file.write(b"</testsuite>")
    return path


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def until(is_so: Callable[[], bool]) -> None:
    """Wait for it, and fail when it does not come."""
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def opened_by(pids: frozenset[int], path: Path) -> list[int]:
    """Which of the processes has the file open."""
    found = []
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").glob("*"):
            with suppress(OSError):
                if entry.readlink() == path:
                    found.append(pid)
    return found


def codes(parsed: Parsed) -> list[str]:
    """The codes of its problems."""
    return [problem.code for problem in parsed.problems]


def test_every_sample_means_the_same_as_in_process(pool: ParserPool, repository: Path) -> None:
    """The server and `gatekeeper evaluate` give one digest, so a decision can be replayed anywhere."""
    samples = [
        path
        for path in sorted((repository / "tests" / "samples").glob("*/*"))
        if path.suffix in (".xml", ".json", ".sarif", ".info") and path.name != "expected.json"
    ]
    known = 0
    for path in samples:
        report = read(Given(path=path, job=path.name)).report
        parsed = pool.parse(task(path))
        assert (parsed.kind, parsed.format, parsed.problems) == (report.kind, report.format, report.problems)
        if report.kind is None:
            assert (parsed.document, parsed.document_bytes, parsed.digest) == (None, b"", "")
        else:
            known += 1
            document = document_of(Received(report=report, sha256="", name="", job=""))
            assert parsed.document == document
            assert parsed.digest == digest_of(document)
    assert known > 60


def test_a_document_decoded_in_pieces_is_the_document(pool: ParserPool, repository: Path) -> None:
    """Findings, lines and metrics are as the plain decoder reads them."""
    for name in ("bandit-1.9.4/app.json", "coverage-py-7.17.3/branches.json"):
        parsed = pool.parse(task(repository / "tests" / "samples" / name))
        assert parsed.document is not None
        plain = msgspec.json.decode(parsed.document_bytes, type=type(parsed.document))
        assert decoded(parsed.document_bytes) == plain
        assert all(type(lines) is Lines for lines in parsed.document.lines.values())


def test_refusals_cross_the_process_as_themselves(pool: ParserPool, junit: Path) -> None:
    """The caller of the API reads the same words as the user of the command."""
    with pytest.raises(KindMismatch, match="a JUnit XML report is evidence of tests, not of sast") as refused:
        pool.parse(task(junit, kind=Kind.SAST))
    assert refused.value.hint
    with pytest.raises(UnknownFormat, match="no report format is called 'junt'") as unknown:
        pool.parse(task(junit, format_name="junt"))
    assert unknown.value.hint == "did you mean junit?"


def test_a_report_of_no_known_kind_says_why(pool: ParserPool, tmp_path: Path) -> None:
    """There is no document, and a reason that can be answered."""
    path = tmp_path / "report.bin"
    path.write_bytes(b"\x00\x01")
    parsed = pool.parse(task(path))
    assert (parsed.kind, parsed.document, codes(parsed)) == (None, None, ["unknown-format"])


def test_a_file_that_is_gone_is_no_fault_of_the_upload(pool: ParserPool, tmp_path: Path) -> None:
    """It must not become evidence that anything was unreadable."""
    with pytest.raises(Unavailable):
        pool.parse(task(tmp_path / "gone.xml", kind=Kind.TESTS))


def test_sixteen_threads_get_their_own_answers(pool: ParserPool, tmp_path: Path) -> None:
    """Answers are never swapped between uploads."""

    def count(number: int) -> object:
        path = large_junit(tmp_path / f"{number}.xml", number)
        document = pool.parse(task(path)).document
        return document and document.metrics["tests.total"]

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(count, range(1, 65))) == list(range(1, 65))


def test_a_process_killed_while_it_reads_costs_only_its_own_upload(tmp_path: Path, junit: Path) -> None:
    """The upload is unreadable with a reason, the others go on, and the place is filled again."""
    large = large_junit(tmp_path / "large.xml", 400_000)
    with pool_of(2, tmp_path) as pool, ThreadPoolExecutor(8) as threads:
        dying = threads.submit(pool.parse, task(large))
        until(lambda: bool(opened_by(pool.pids, large)))
        others = [threads.submit(pool.parse, task(junit)) for _ in range(20)]
        time.sleep(0.1)  # let it get into the middle
        (victim,) = opened_by(pool.pids, large)
        os.kill(victim, signal.SIGKILL)
        parsed = dying.result(WAIT_S)
        assert parsed.document is not None
        assert (parsed.kind, parsed.document.state, parsed.format) == (Kind.TESTS, State.UNREADABLE, "junit")
        assert [(p.code, p.params) for p in parsed.problems] == [("parser-died", {"how": "SIGKILL"})]
        assert {future.result(WAIT_S).digest for future in others} == {pool.parse(task(junit)).digest}
        assert len(pool.pids) == 2
        assert victim not in pool.pids
        again = pool.parse(task(large)).document
        assert again is not None
        assert again.metrics["tests.total"] == 400_000


def test_idle_processes_that_are_killed_cost_no_upload(tmp_path: Path, junit: Path) -> None:
    """No upload was to blame, so none may be unreadable for it."""
    with pool_of(2, tmp_path) as pool:
        want = pool.parse(task(junit)).digest
        for pid in pool.pids:
            os.kill(pid, signal.SIGKILL)
        assert [pool.parse(task(junit)).digest for _ in range(4)] == [want] * 4


def test_signals_for_the_whole_group_do_not_end_a_reading(tmp_path: Path, junit: Path) -> None:
    """`systemctl stop` signals the children too: the server lets them finish."""
    with pool_of(1, tmp_path) as pool:
        pool.parse(task(junit))
        before = pool.pids
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(next(iter(before)), number)
        assert pool.parse(task(junit)).kind is Kind.TESTS
        assert pool.pids == before


def test_a_report_that_needs_too_much_memory_is_unreadable(tmp_path: Path, junit: Path) -> None:
    """It ends in its own process; the next upload is read."""
    path = tmp_path / "huge.sarif"
    path.write_bytes(
        b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"semgrep"}},"results":['
        + b",".join([b'{"ruleId":"r","message":{"text":"m"}}'] * 800_000)
        + b"]}]}"
    )
    with pool_of(1, tmp_path, memory_bytes=160 * 1024 * 1024) as pool:
        parsed = pool.parse(task(path, kind=Kind.SAST))
        assert parsed.document is not None
        assert (parsed.kind, parsed.document.state) == (Kind.SAST, State.UNREADABLE)
        assert codes(parsed)[0] in ("out-of-memory", "parser-died")
        assert pool.parse(task(junit)).kind is Kind.TESTS


def test_a_report_that_takes_too_long_is_unreadable(tmp_path: Path, endless: Path, junit: Path) -> None:
    """The limit is told, the process replaced."""
    with pool_of(1, tmp_path, wall_s=1) as pool:
        before = pool.pids
        parsed = pool.parse(task(endless, kind=Kind.TESTS))
        assert parsed.document is not None
        assert (parsed.kind, parsed.document.state) == (Kind.TESTS, State.UNREADABLE)
        assert [(p.code, p.params) for p in parsed.problems] == [("parser-timeout", {"limit": 1})]
        assert not any(is_alive(pid) for pid in before)
        assert pool.parse(task(junit)).kind is Kind.TESTS


def test_a_large_report_within_a_small_time_is_cut_off(tmp_path: Path) -> None:
    """A process that computes is ended as well as one that waits, and the format is still known."""
    large = large_junit(tmp_path / "large.xml", 1_000_000)
    with pool_of(1, tmp_path, wall_s=1) as pool:
        parsed = pool.parse(task(large))
        assert (parsed.kind, parsed.format, codes(parsed)) == (Kind.TESTS, "junit", ["parser-timeout"])


def test_an_upload_waits_only_so_long_for_a_process(tmp_path: Path, junit: Path) -> None:
    """Then it is turned away, as those are that are cut off by the end: both are evidence of nothing."""
    large = large_junit(tmp_path / "large.xml", 1_000_000)
    with pool_of(1, tmp_path, wait_s=0.2) as pool, ThreadPoolExecutor(1) as threads:
        busy = threads.submit(pool.parse, task(large))
        until(lambda: bool(opened_by(pool.pids, large)))
        with pytest.raises(Unavailable, match=r"all 1 parser processes were busy for 0\.2 s"):
            pool.parse(task(junit))
        pool.close()
        with pytest.raises(Unavailable, match="shutting down"):
            busy.result(WAIT_S)
        with pytest.raises(Unavailable, match="shutting down"):
            pool.parse(task(junit))


def test_thousands_of_uploads_kill_no_process(pool: ParserPool, junit: Path) -> None:
    """The signal that ends a process with the server comes for nothing else."""
    before = pool.pids
    with ThreadPoolExecutor(4) as threads:
        kinds = set(threads.map(lambda _: pool.parse(task(junit)).kind, range(3_000)))
    assert kinds == {Kind.TESTS}
    assert pool.pids == before


def test_processes_that_cannot_start_are_told(
    tmp_path: Path, junit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken installation is the operator's to mend, not the upload's fault."""
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    with pool_of(1, tmp_path) as pool:
        with pytest.raises(Unavailable, match="3 processes for reading reports ended before they began"):
            pool.parse(task(junit))
        monkeypatch.delenv("PYTHONHOME")
        assert pool.parse(task(junit)).kind is Kind.TESTS


def test_the_processes_get_nothing_that_is_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment nor sockets and files of the server are there to be taken."""
    for name in (
        "GATEKEEPER_DATABASE_URL",
        "CI_JOB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "PGPASSWORD",
        "ANYTHING",
    ):
        monkeypatch.setenv(name, "hunter2")
    with (tmp_path / "open").open("wb") as file, socket.socket() as listener:
        os.set_inheritable(file.fileno(), True)
        listener.set_inheritable(True)
        with pool_of(1, tmp_path) as pool:
            (pid,) = pool.pids
            pool.parse(task(_written(tmp_path / "junit.xml", JUNIT)))
            assert b"hunter2" not in Path(f"/proc/{pid}/environ").read_bytes()
            assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
            opened = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").glob("*")]
            assert str(tmp_path / "open") not in opened
            assert not any(name.startswith("socket:") for name in opened)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


_SERVER = """
import sys, threading, time
from pathlib import Path
from gatekeeper.evidence import Kind
from gatekeeper.service.parsing.pool import ParserLimits, ParserPool
from gatekeeper.service.ports import ParseTask

scratch, *reports = map(Path, sys.argv[1:])
def parse(path):
    fixed = dict(report_name="r", record=None, name="", job="", format_name=None, kind=Kind.TESTS)
    pool.parse(ParseTask(report=path, **fixed))
with ParserPool(scratch=scratch, children=4, limits=ParserLimits()) as pool:
    for path in reports:
        threading.Thread(target=parse, args=(path,), daemon=True).start()
    print(*pool.pids, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["killed", "asked"])
def test_no_process_outlives_the_server(tmp_path: Path, endless: Path, how: str) -> None:
    """Not the idle ones, not one that waits in the system, not one that computes."""
    large = large_junit(tmp_path / "large.xml", 1_000_000)
    command = [sys.executable, "-P", "-c", _SERVER, str(tmp_path), str(endless), str(large)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        pids = frozenset(map(int, server.stdout.readline().split()))
        until(lambda: bool(opened_by(pids, large)))
        assert all(is_alive(pid) for pid in pids)
        server.kill() if how == "killed" else server.stdin.close()
        server.wait(WAIT_S)
        until(lambda: not any(is_alive(pid) for pid in pids))


def test_fifty_uploads_leave_nothing_behind(tmp_path: Path, repository: Path) -> None:
    """No files, descriptors, threads or memory, processes that died included."""
    secrets = _written(tmp_path / "secrets.sarif", SECRETS)
    sample = repository / "tests" / "samples" / "coverage-py-7.17.3" / "branches.json"
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def ten(pool: ParserPool) -> None:
        for _ in range(9):
            assert pool.parse(task(sample)).kind is Kind.COVERAGE
        stored = pool.parse(task(secrets, kind=Kind.SECRETS)).stored
        assert stored is not None
        stored.unlink()
        os.kill(next(iter(pool.pids)), signal.SIGKILL)

    with pool_of(2, scratch) as pool:
        ten(pool)
        before = _held()
        for _ in range(5):
            ten(pool)
        fds, threads, rss = _held()
        assert (fds, threads) == before[:2]
        assert rss - before[2] < 8 * 1024 * 1024
        assert not list(scratch.iterdir())


def _held() -> tuple[int, int, int]:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return (
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
        pages * os.sysconf("SC_PAGESIZE"),
    )


SECRETS = b"""{
  "version": "2.1.0",
  "runs": [{
    "tool": {"driver": {"name": "gitleaks", "rules": [{"id": "aws-key"}]}},
    "invocations": [{"executionSuccessful": true}],
    "results": [{
      "ruleId": "aws-key",
      "message": {"text": "found hunter2"},
      "locations": [{"physicalLocation": {
        "artifactLocation": {"uri": "src/app.py"},
        "region": {"startLine": 3, "snippet": {"text": "hunter2"}}
      }}]
    }]
  }]
}"""


def test_of_secrets_only_redacted_bytes_are_kept(pool: ParserPool, tmp_path: Path) -> None:
    """The document and the bytes to be stored show the place and the rule, and not the secret."""
    parsed = pool.parse(task(_written(tmp_path / "gitleaks.sarif", SECRETS)))
    assert parsed.document is not None
    assert (parsed.kind, parsed.document.state) == (Kind.SECRETS, State.OK)
    assert parsed.stored is not None
    for data in (parsed.document_bytes, parsed.stored.read_bytes()):
        assert b"hunter2" not in data
        assert b"aws-key" in data
        assert b"src/app.py" in data
    assert parsed.stored.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("data", [SECRETS[:-40], b"hunter2", b'{"version": "hunter2", "runs": []}'])
def test_nothing_is_kept_of_secrets_that_cannot_be_read(
    pool: ParserPool, tmp_path: Path, data: bytes
) -> None:
    """Without its structure nobody can tell what in it is a secret."""
    parsed = pool.parse(task(_written(tmp_path / "gitleaks.sarif", data), kind=Kind.SECRETS))
    assert parsed.document is not None
    assert parsed.document.state is State.UNREADABLE
    assert parsed.stored is not None
    assert b"hunter2" not in parsed.stored.read_bytes() + parsed.document_bytes


def test_nothing_is_kept_of_secrets_when_the_process_dies(tmp_path: Path, endless: Path) -> None:
    """There is a file all the same, so that nobody keeps the report for want of one."""
    with pool_of(1, tmp_path, wall_s=1) as pool:
        parsed = pool.parse(task(endless, kind=Kind.SECRETS))
        assert parsed.stored is not None
        assert b"nothing is kept" in parsed.stored.read_bytes()
